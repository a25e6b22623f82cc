/** loadBalancerSourceRanges: P47, P125 to P131. */
import { type Builders, externalLocal, nodePort, type PacketCase, protocols } from "./case.ts";

export function rangeCases({ a, family, eps, ports, balanced, one }: Builders): PacketCase[] {
  const ranged = (...loadBalancerSourceRanges: string[]) => balanced({ loadBalancerSourceRanges });
  const inside = { from: "outside", local: a.outside2, to: a.balancer, want: ["pod-b"] } as const;
  const outside = { from: "outside", local: a.outside, to: a.balancer, want: "silence" } as const;
  const hit = { from: "outside", local: a.outside, to: a.balancer, want: ["pod-b"] } as const;
  return [
    ...protocols.map((protocol) =>
      one(
        `P125 source ranges: only clients inside use the load-balancer IP; other roads are free: ${protocol}`,
        [balanced({ ...ports(protocol, nodePort), loadBalancerSourceRanges: [a.rangeOfOutside2] })],
        [eps("pod-b")],
        [
          { ...inside, protocol },
          { ...outside, protocol },
          { ...hit, protocol, to: a.node, port: nodePort },
          { ...hit, protocol, to: a.external },
          { ...hit, protocol, to: a.clusterIp },
        ],
      ),
    ),
    one(
      "P125 source ranges: another node is filtered by its address",
      [ranged(a.rangeOfNodeB)],
      [eps("pod-b")],
      [
        { from: "node-b", to: a.balancer, want: ["pod-b"] },
        outside,
        { from: "pod-a", to: a.balancer, want: "silence" },
      ],
    ),
    one(
      "P125 several source ranges, some within others",
      [ranged(a.rangeOfOutside2, a.rangeOfOutside, a.rangeOfPods, a.rangeOfPodA)],
      [eps("pod-b")],
      [
        inside,
        hit,
        { from: "pod-a", to: a.balancer, want: ["pod-b"] },
        { from: "node-b", to: a.balancer, want: "silence" },
      ],
    ),
    one(
      "P125 source ranges with policy Local: the address is kept, others hear nothing",
      [balanced({ ...externalLocal, loadBalancerSourceRanges: [a.rangeOfOutside2] })],
      [eps("pod-b", "pod-far")],
      [{ ...inside, seen: "own", times: 6 }, outside, { ...hit, to: a.node, port: nodePort, seen: "own" }],
    ),
    one(
      "P126 a range with the node's address lets the node in",
      [ranged(a.rangeOfNode)],
      [eps("pod-b")],
      [{ from: "node", local: a.node, to: a.balancer, want: ["pod-b"] }, outside],
    ),
    one(
      "P126 P131 without the node's address the node hears nothing either",
      [ranged(a.rangeOfOutside2)],
      [eps("pod-b")],
      [{ from: "node", to: a.balancer, want: "silence" }],
    ),
    one(
      "P127 source ranges filter Pods by their own address",
      [ranged(a.rangeOfPodA)],
      [eps("pod-b")],
      [
        { from: "pod-a", to: a.balancer, want: ["pod-b"] },
        { from: "pod-b", to: a.balancer, want: "silence" },
        { from: "pod-far", to: a.balancer, want: "silence" },
        outside,
      ],
    ),
    one(
      "P47 a range of everything is no filter",
      [ranged(a.rangeOfOutside2, a.all)],
      [eps("pod-b")],
      [hit, { from: "pod-a", to: a.balancer, want: ["pod-b"] }],
    ),
    one(
      "P47 ranges of the other family only are no filter",
      [ranged(family === "IPv4" ? "fd00:50::/64" : "192.168.50.0/24")],
      [eps("pod-b")],
      [hit],
    ),
    one(
      "P47 white space around a range does not matter",
      [ranged(`  ${a.rangeOfOutside2} `)],
      [eps("pod-b")],
      [inside, outside],
    ),
    one(
      "P130 source ranges drop before a missing endpoint is refused",
      [ranged(a.rangeOfOutside2)],
      [],
      [outside, { ...inside, want: "refused" }],
    ),
    {
      name: "P129 a change of the source ranges takes effect with the next sync",
      stages: [
        { services: [ranged(a.rangeOfOutside2)], slices: [eps("pod-b")], probes: [outside, inside] },
        {
          services: [ranged(a.rangeOfPods)],
          probes: [
            { ...inside, want: "silence" },
            { from: "pod-a", to: a.balancer, want: ["pod-b"] },
          ],
        },
        { services: [balanced()], probes: [hit] },
        { services: [ranged(a.rangeOfOutside2)], probes: [outside] },
      ],
    },
  ];
}
