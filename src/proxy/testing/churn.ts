/** Random Services that change: the same seed gives the same sequence. For tests and benches. */
import { computeService } from "../compute.ts";
import type { ServicePort } from "../state.ts";
import { type EndpointFixture, nodeA, service, slice } from "./fixtures.ts";

export type Random = () => number;

/** mulberry32: small, repeatable, good enough for tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Service number `n` in a random state: any type, policies, affinity, ranges, 0 to 5 endpoints here and elsewhere. */
export function randomService(n: number, random: Random): readonly ServicePort[] {
  const flip = (share = 0.5) => random() < share;
  const pick = <T>(...options: [T, ...T[]]): T => options[Math.floor(random() * options.length)] ?? options[0];
  const protocol = pick("TCP", "UDP", "SCTP");
  const v4 = `10.96.${n >> 8}.${(n & 255) + 1}`;
  const v6 = `fd00:10:96::${(n + 1).toString(16)}`;
  const object = service({
    name: `s${n}`,
    type: pick("ClusterIP", "NodePort", "LoadBalancer"),
    clusterIP: v4,
    clusterIPs: flip() ? [v4, v6] : [v4],
    ports: [
      { name: "a", port: 80, protocol, ...(flip() ? { nodePort: 30000 + n } : {}) },
      ...(flip(0.3) ? [{ name: "b", port: 81, protocol: "TCP" }] : []),
    ],
    internalTrafficPolicy: pick("Cluster", "Local"),
    externalTrafficPolicy: pick("Cluster", "Local"),
    ...(flip(0.3)
      ? { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: pick(60, 10800) } } }
      : {}),
    ...(flip(0.3) ? { externalIPs: [`192.168.80.${n % 250}`] } : {}),
    ...(flip(0.3) ? { loadBalancerSourceRanges: [pick("192.168.50.0/24", "192.168.0.0/16"), "10.244.0.0/16"] } : {}),
    ...(flip(0.4) ? { ingress: [{ ip: `192.168.70.${n % 250}` }] } : {}),
  });
  const endpoint = (ip: string): EndpointFixture => ({ ip, node: pick("node-a", "node-b", null), ready: flip(0.9) });
  const ports = [
    { name: "a", port: 8080, protocol },
    { name: "b", port: 8081, protocol: "TCP" },
  ];
  const numbers = Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * 40) + 2);
  return computeService(
    object,
    [
      slice(
        numbers.map((i) => endpoint(`10.244.0.${i}`)),
        { ports },
      ),
      slice(
        numbers.map((i) => endpoint(`fd00:10:244::${i}`)),
        { name: "web-2", addressType: "IPv6", ports },
      ),
    ],
    nodeA,
  );
}
