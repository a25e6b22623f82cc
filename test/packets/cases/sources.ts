/** Whose address the endpoint sees, and hairpins: P107 to P124. */
import type { Probe } from "../probe.ts";
import { type Builders, externalLocal, internalLocal, local, nodePort, type PacketCase, protocols } from "./case.ts";

export function sourceCases({ a, svc, at, eps, ports, balanced, roads, one }: Builders): PacketCase[] {
  const asked = { from: "pod-a", to: a.clusterIp } as const;
  return [
    ...protocols.map((protocol) =>
      one(
        `P107 masqueradeAll hides Pods too: ${protocol}`,
        [svc(ports(protocol))],
        [eps("pod-far")],
        [{ ...asked, protocol, want: ["pod-far"], seen: "node" }],
        { settings: { masqueradeAll: true } },
      ),
    ),
    one(
      "P107 masqueradeAll hides Pods from an endpoint of their own node",
      [svc()],
      [eps("pod-b")],
      [{ ...asked, want: ["pod-b"], seen: "node" }],
      { settings: { masqueradeAll: true } },
    ),
    one(
      "P108 without a way to tell Pods from others nobody is masqueraded on the way to a clusterIP",
      [svc()],
      [eps("pod-b")],
      [
        { from: "outside", to: a.clusterIp, want: ["pod-b"], seen: "own" },
        { from: "node-b", to: a.clusterIp, want: ["pod-b"], seen: "own" },
        { ...asked, want: ["pod-b"], seen: "own" },
      ],
      { settings: { podCidrs: [] } },
    ),
    ...(["node port", "external IP", "load-balancer IP"] as const).map((road) =>
      one(
        `P109 a Pod's packets to a ${road} are masqueraded too`,
        [balanced()],
        [eps("pod-b")],
        [{ from: "pod-a", ...roads[road], want: ["pod-b"], seen: "node" }],
      ),
    ),
    one(
      "P110 policy Local: a Pod's packets keep their address",
      [balanced(externalLocal)],
      [eps("pod-b", "pod-far")],
      (["node port", "external IP", "load-balancer IP"] as const).map((road) => ({
        from: "pod-a",
        ...roads[road],
        want: ["pod-b", "pod-far"],
        seen: "own",
      })),
    ),
    one(
      "P111 policy Local: the node's own packets are masqueraded",
      [balanced(externalLocal)],
      [eps("pod-far")],
      (["node port", "external IP", "load-balancer IP"] as const).map((road) => ({
        from: "node",
        ...roads[road],
        want: ["pod-far"],
        seen: "node",
      })),
    ),
    one(
      "P111 the same for sockets with another address of the node, unless it is of the Pods' blocks (P113)",
      [balanced(externalLocal)],
      [eps("pod-far")],
      [
        { from: "node", local: a.node2, to: a.balancer, want: ["pod-far"], seen: "node" },
        { from: "node", local: a.bridge, to: a.node, port: nodePort, want: ["pod-far"], seen: "own" },
      ],
    ),
    one(
      "P112 policy Local: clients of two addresses are seen as they are",
      [balanced(externalLocal)],
      [eps("pod-b")],
      [
        { from: "outside", local: a.outside, to: a.balancer, want: ["pod-b"], seen: "own" },
        { from: "outside", local: a.outside2, to: a.balancer, want: ["pod-b"], seen: "own" },
        { from: "outside", local: a.outside2, to: a.node2, port: nodePort, want: ["pod-b"], seen: "own" },
        { from: "node-b", to: a.external, want: ["pod-b"], seen: "own" },
      ],
    ),
    one(
      "P113 policy Local without a way to tell Pods: only the node itself is near",
      [balanced(externalLocal)],
      [eps("pod-far")],
      [
        { from: "pod-a", to: a.balancer, want: "silence" },
        { from: "node", to: a.balancer, want: ["pod-far"], seen: "node" },
      ],
      { settings: { podCidrs: [] } },
    ),
    one(
      "P114 a Pod reaches itself by clusterIP",
      [svc()],
      [eps("pod-a")],
      [{ ...asked, want: ["pod-a"], seen: a.bridge }],
    ),
    ...protocols.map((protocol) =>
      one(
        `P114 a Pod reaches itself by every road: ${protocol}`,
        [balanced(ports(protocol, nodePort))],
        [eps("pod-a")],
        Object.values(roads).map((road) => ({ from: "pod-a", ...road, protocol, want: ["pod-a"] })),
      ),
    ),
    one(
      "P114 a Pod reaches itself by every road of a Service with policies Local",
      [balanced(local)],
      [eps("pod-a")],
      Object.values(roads).map((road) => ({ from: "pod-a", ...road, want: ["pod-a"] })),
    ),
    one(
      "P114 a Pod reaches itself by internalTrafficPolicy Local while others are elsewhere",
      [svc(internalLocal)],
      [eps("pod-a", "pod-far")],
      [{ ...asked, want: ["pod-a"], times: 5 }],
    ),
    one(
      "P114 hairpins leave other Pods' addresses alone",
      [svc()],
      [eps("pod-a")],
      [{ from: "pod-b", to: a.clusterIp, want: ["pod-a"], seen: "own" }],
    ),
    one(
      "P116 any bit of the packet mark may ask for masquerade",
      [balanced()],
      [eps("pod-b")],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: "node" },
        { ...asked, want: ["pod-b"], seen: "own" },
      ],
      { settings: { masqueradeBit: 7 } },
    ),
    one(
      "P118 a Pod's address is kept on the way to a clusterIP, with UDP sockets of both kinds",
      [svc(ports("UDP"))],
      [eps("pod-b", "pod-far")],
      ([{}, { unconnected: true }] as const).map((how) => ({
        ...asked,
        protocol: "UDP",
        ...how,
        want: ["pod-b", "pod-far"],
        seen: "own",
      })),
    ),
    ...[
      { name: "cni0", isPrefix: false },
      { name: "cni", isPrefix: true },
    ].map((podLink) =>
      one(
        `P123 what comes in by ${podLink.isPrefix ? "links whose names begin so" : "the link"} is a Pod's`,
        [balanced(externalLocal)],
        [eps("pod-far")],
        [
          { ...asked, want: ["pod-far"], seen: "own" },
          { from: "node-b", to: a.clusterIp, want: ["pod-far"], seen: "node" },
          { from: "outside", to: a.clusterIp, want: ["pod-far"], seen: "node" },
          { from: "pod-a", to: a.balancer, want: ["pod-far"], seen: "own" },
          { from: "outside", to: a.balancer, want: "silence" },
        ],
        { settings: { podCidrs: [], podLink } },
      ),
    ),
    ...[
      { name: "cni0", isPrefix: false },
      { name: "cni", isPrefix: true },
    ].map((podLink) =>
      one(
        `P123 datagrams that come in by ${podLink.isPrefix ? "links whose names begin so" : "the link"} are a Pod's`,
        [balanced({ ...externalLocal, ...ports("UDP", nodePort) })],
        [eps("pod-far")],
        ([{}, { unconnected: true }] as const).flatMap((how): Probe[] => [
          { ...asked, ...how, protocol: "UDP", want: ["pod-far"], seen: "own" },
          { from: "outside", to: a.clusterIp, ...how, protocol: "UDP", want: ["pod-far"], seen: "node" },
          { from: "pod-a", to: a.balancer, ...how, protocol: "UDP", want: ["pod-far"], seen: "own" },
          { from: "outside", to: a.balancer, ...how, protocol: "UDP", want: "silence" },
        ]),
        { settings: { podCidrs: [], podLink } },
      ),
    ),
    one(
      "P121 only the blocks that are named hold Pods: one outside of them is masqueraded",
      [svc()],
      [eps(at("pod-b"))],
      [
        { ...asked, want: ["pod-b"], seen: "own" },
        { from: "pod-far", to: a.clusterIp, want: ["pod-b"], seen: "node" },
      ],
      { settings: { podCidrs: ["10.244.0.0/24", "fd00:10:244::/64"] } },
    ),
  ];
}
