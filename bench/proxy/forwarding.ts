/** What a proxy's rules cost a connection: always as ratios to direct connections to the same Pod in the same round. */
import { type BenchNode, pinned, traffic } from "./network.ts";
import { clusterIpOf, podOf, servicePort, targetPort } from "./objects.ts";
import { p50 } from "./statistics.ts";

const rounds = 9;
const seconds = "0.2";
const streamRounds = 5;
const streamSeconds = "0.3";

export interface Forwarding {
  /** New connections for a second of the processor (client, server, proxy), Service to direct: through the first, the middle and the last Service. */
  readonly connections: readonly number[];
  readonly directPerSec: number;
  /** Median of connect(), last Service to direct. */
  readonly firstPacket: number;
  readonly directConnectUs: number;
  /** Bytes of one stream for a second of the processor. */
  readonly throughput: number;
}

interface Asked {
  readonly perSec: number;
  readonly connectUs: number;
}

export function measureForwarding(node: BenchNode, size: number, pids: readonly number[]): Forwarding {
  const direct = [podOf(0), targetPort] as const;
  const targets = [0, size >> 1, size - 1].map((n) => [clusterIpOf(n), servicePort] as const);
  const run = (what: string, [address, port]: readonly [string, number], time: string): number[] =>
    node
      .run([...pinned, traffic, what, address, String(port), time, ...pids.map(String)])
      .split(" ")
      .map(Number);
  const ask = (target: readonly [string, number]): Asked => {
    const [perSec = 0, connectUs = 0] = run("ask", target, seconds);
    return { perSec, connectUs };
  };
  const pull = (target: readonly [string, number]): number => run("pull", target, streamSeconds)[0] ?? 0;
  const asked: { direct: Asked; services: Asked[] }[] = [];
  for (let round = 0; round < rounds; round++)
    asked.push({ direct: ask(direct), services: targets.map((target) => ask(target)) });
  const streams = Array.from({ length: streamRounds }, () => pull(targets[2] ?? direct) / pull(direct));
  return {
    connections: targets.map((_, n) => p50(asked.map((one) => (one.services[n]?.perSec ?? 0) / one.direct.perSec))),
    directPerSec: p50(asked.map((one) => one.direct.perSec)),
    firstPacket: p50(asked.map((one) => (one.services[2]?.connectUs ?? 0) / one.direct.connectUs)),
    directConnectUs: p50(asked.map((one) => one.direct.connectUs)),
    throughput: p50(streams),
  };
}
