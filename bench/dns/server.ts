/** One of the servers that bench/dns.ts compares; tells its port to its parent. */
import { createSocket } from "node:dgram";
import { Forwarder } from "../../src/dns/forward/forwarder.ts";
import { listenUdp } from "../../src/dns/listen.ts";
import { DnsMetrics } from "../../src/dns/metrics.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { service } from "../../src/dns/testing/objects.ts";
import { openUdpBatches } from "../../src/dns/udp-batches.ts";
import { Zone } from "../../src/dns/zone.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createLog } from "../../src/lib/log.ts";

const [mode = "", services = "0"] = process.argv.slice(2);
const bufferBytes = 4 << 20;

if (mode.startsWith("echo")) startEcho(mode === "echo in batches");
else await startDns(mode === "fairlead dns");
process.once("disconnect", () => process.exit());

function startEcho(inBatches: boolean): void {
  const socket = createSocket({ type: "udp4" });
  const batches = inBatches ? openUdpBatches("127.0.0.1", 0, bufferBytes) : undefined;
  socket.on("message", (packet, { port, address }) => {
    socket.send(packet, port, address);
    batches?.drain((other) => other);
  });
  socket.bind(batches ? { fd: batches.fd } : { port: 0, address: "127.0.0.1" }, () =>
    process.send?.(socket.address().port),
  );
}

async function startDns(inBatches: boolean): Promise<void> {
  const log = createLog();
  const options = { clusterDomain: "cluster.local", ttlSec: 5, clock: systemClock, dnsService: "kube-system/kube-dns" };
  const zone = new Zone(options);
  for (let i = 0; i < Number(services); i++) {
    const ip = `10.96.${i >> 8}.${i & 255}`;
    zone.putService(
      service(`default/svc-${i}`, { clusterIP: ip, clusterIPs: [ip], ports: [{ name: "http", port: 80 }] }),
    );
  }
  const forwarder = new Forwarder({ upstreams: [], clock: systemClock, log });
  const resolver = new Resolver({ zone, forwarder, metrics: new DnsMetrics(), log, synced: () => true });
  const listen = {
    address: "127.0.0.1",
    port: 0,
    resolver,
    log,
    openUdpBatches: inBatches ? openUdpBatches : undefined,
  };
  const { port } = await listenUdp(listen);
  process.send?.(port);
}
