/** Carries what arrives at a port of the host to a node and back: TCP connections, and UDP flows by their client's address. */
import type dgram from "node:dgram";
import type net from "node:net";
import type { Upstream } from "./dialer.ts";

export type Dial = () => Promise<Upstream | undefined>;

/** Serves connections that come in paused, half-closed ones too, until either end is done. */
export function relayTcp(server: net.Server, dial: Dial): void {
  server.on("connection", (client) => void carry(client, dial));
}

async function carry(client: net.Socket, dial: Dial): Promise<void> {
  client.on("error", () => client.destroy());
  const upstream = (await dial()) as net.Socket | undefined;
  if (!upstream) return void client.destroy();
  upstream.allowHalfOpen = true;
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  if (client.destroyed) return end();
  client.on("error", end);
  upstream.on("error", end);
  client.pipe(upstream).pipe(client);
}

const udpIdleMs = 60_000;
/** Datagrams that wait for a flow's socket; more are lost, as datagrams are. */
const maxWaiting = 64;

interface Flow {
  upstream?: dgram.Socket;
  readonly waiting: Buffer[];
  readonly timer: NodeJS.Timeout;
}

/** One socket of the underlay for each client address, forgotten after a minute of silence. Returns what ends all flows. */
export function relayUdp(
  socket: dgram.Socket,
  dial: Dial,
  target: () => { address: string; port: number } | undefined,
): () => void {
  const flows = new Map<string, Flow>();
  const drop = (key: string): void => {
    const flow = flows.get(key);
    flows.delete(key);
    clearTimeout(flow?.timer);
    flow?.upstream?.close();
  };
  const send = (upstream: dgram.Socket, data: Buffer): void => {
    const to = target();
    if (to) upstream.send(data, to.port, to.address, () => {});
  };
  const open = async (key: string, flow: Flow, client: dgram.RemoteInfo): Promise<void> => {
    const upstream = (await dial()) as dgram.Socket | undefined;
    if (!upstream || flows.get(key) !== flow) {
      upstream?.close();
      return drop(key);
    }
    flow.upstream = upstream;
    upstream.on("message", (answer) => socket.send(answer, client.port, client.address, () => {}));
    upstream.on("error", () => drop(key));
    for (const data of flow.waiting.splice(0)) send(upstream, data);
  };
  socket.on("message", (data, client) => {
    const key = `${client.address}:${client.port}`;
    const known = flows.get(key);
    if (known?.upstream) {
      known.timer.refresh();
      return send(known.upstream, data);
    }
    if (known) return void (known.waiting.length < maxWaiting && known.waiting.push(data));
    const flow: Flow = { waiting: [data], timer: setTimeout(() => drop(key), udpIdleMs) };
    flows.set(key, flow);
    void open(key, flow, client);
  });
  return () => {
    for (const key of [...flows.keys()]) drop(key);
  };
}
