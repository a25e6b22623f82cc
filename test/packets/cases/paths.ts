/** Roads and verdicts: P75 to P95; the matrix has the rest. */

import type { HostName } from "../addresses.ts";
import { hostPort } from "../addresses.ts";
import type { Probe } from "../probe.ts";
import { type Builders, externalLocal, internalLocal, nodePort, type PacketCase } from "./case.ts";

const clients: readonly HostName[] = ["pod-a", "node", "node-b", "outside"];

export function pathCases({
  a,
  family,
  svc,
  at,
  eps,
  sliceOf,
  ports,
  onNodePort,
  balanced,
  roads,
  one,
}: Builders): PacketCase[] {
  const everybody = (probe: Omit<Probe, "from">): Probe[] => clients.map((from) => ({ from, ...probe }));
  const second = (more: Parameters<typeof svc>[0] = {}) => svc({ name: "other", clusterIP: a.clusterIp2, ...more });
  const secondEps = sliceOf(["pod-far"], { of: "other" });
  return [
    one(
      "P76 a node port is on every address of the node",
      [onNodePort()],
      [eps("pod-b")],
      [a.node, a.node2, a.bridge, a.farLink].flatMap((to) => everybody({ to, port: nodePort, want: ["pod-b"] })),
    ),
    one(
      "P76 a UDP node port, by sockets with and without a peer",
      [onNodePort(ports("UDP", nodePort))],
      [eps("pod-b")],
      ([{}, { unconnected: true }] as const).flatMap((how) =>
        everybody({ to: a.node, port: nodePort, protocol: "UDP", want: ["pod-b"], ...how }),
      ),
    ),
    one(
      "P78 P239 UDP sockets without a peer hear the Service's address",
      [balanced(ports("UDP", nodePort))],
      [eps("pod-b", "pod-far")],
      Object.values(roads).flatMap((road) =>
        everybody({ ...road, protocol: "UDP", unconnected: true, want: ["pod-b", "pod-far"] }),
      ),
    ),
    one(
      "P241 datagrams that travel in fragments arrive whole, and so do the answers",
      [balanced(ports("UDP", nodePort))],
      [eps("pod-b")],
      Object.values(roads).flatMap((road) =>
        ([{}, { unconnected: true }] as const).flatMap((how) =>
          everybody({ ...road, ...how, protocol: "UDP", bytes: 4000, want: ["pod-b"] }),
        ),
      ),
    ),
    one(
      "P76 P79 an answer to a client of the node whose port is a node port's number is the client's",
      [onNodePort(ports("UDP", nodePort))],
      [eps("pod-b")],
      // As a masqueraded client may have it: the port is chosen at random, and the address is the node's.
      [
        {
          from: "node",
          local: a.bridge,
          localPort: nodePort,
          to: a.clusterIp,
          protocol: "UDP",
          want: ["pod-b"],
          seen: "own",
        },
      ],
    ),
    one(
      "P77 P79 an answer from elsewhere to a client of the node whose address and port are a Service's is the client's",
      [svc({ externalIPs: [a.farLink], ports: [{ port: 8053, protocol: "UDP" }] })],
      [eps("pod-b")],
      [
        {
          from: "node",
          local: a.farLink,
          localPort: 8053,
          to: a["node-b"],
          port: hostPort,
          protocol: "UDP",
          want: ["node-b"],
        },
      ],
    ),
    one(
      "P80 no endpoints: refused at once, UDP sockets without a peer wait",
      [svc(ports("UDP"))],
      [],
      [
        ...everybody({ to: a.clusterIp, protocol: "UDP", want: "refused" }),
        { from: "pod-a", to: a.clusterIp, protocol: "UDP", unconnected: true, want: "silence" },
      ],
    ),
    one(
      "P81 P82 the two policies are independent: Local inside, Cluster outside",
      [balanced(internalLocal)],
      [eps("pod-far")],
      [
        { from: "pod-a", to: a.clusterIp, want: "silence" },
        { from: "node", to: a.clusterIp, want: "silence" },
        { from: "outside", to: a.balancer, want: ["pod-far"], seen: "node" },
        { from: "pod-a", to: a.node, port: nodePort, want: ["pod-far"] },
      ],
    ),
    one(
      "P81 P82 the two policies are independent: Cluster inside, Local outside",
      [balanced(externalLocal)],
      [eps("pod-far")],
      [
        { from: "outside", to: a.clusterIp, want: ["pod-far"], seen: "node" },
        { from: "outside", to: a.balancer, want: "silence" },
        { from: "node-b", to: a.node, port: nodePort, want: "silence" },
        { from: "pod-a", to: a.clusterIp, want: ["pod-far"], seen: "own" },
      ],
    ),
    one(
      "P85 a process of the node is refused at external and load-balancer IPs without endpoints",
      [balanced({ externalIPs: [a.external] })],
      [],
      [
        { from: "node", to: a.external, want: "refused" },
        { from: "node", to: a.balancer, want: "refused" },
      ],
    ),
    ...(["TCP", "UDP", "SCTP"] as const).map((protocol) =>
      one(
        `P86 another ${protocol} port of a clusterIP is refused`,
        [svc()],
        [eps("pod-b")],
        everybody({ to: a.clusterIp, port: 81, protocol, want: "refused" }),
      ),
    ),
    one(
      "P86 P235 what the node itself listens on is not reached at a clusterIP",
      [svc()],
      [eps("pod-b")],
      everybody({ to: a.clusterIp, port: hostPort, want: "refused" }),
    ),
    ...(["TCP", "UDP", "SCTP"] as const).map((protocol) =>
      one(
        `P87 ${protocol} to an address of the Service range that no Service has: silence`,
        [svc()],
        [eps("pod-b")],
        everybody({ to: a.unused, protocol, want: "silence" }),
      ),
    ),
    one(
      "P89 node addresses that are not chosen take no node port",
      [onNodePort()],
      [eps("pod-b")],
      [
        ...everybody({ to: a.node, port: nodePort, want: ["pod-b"] }),
        ...everybody({ to: a.node2, port: nodePort, want: "refused" }),
      ],
      { settings: { nodePortCidrs: [a.rangeOfNode] } },
    ),
    one(
      "P89 whoever listens on a node address that is not chosen is reached at a node port's number",
      [onNodePort({ ports: [{ port: 80, protocol: "TCP", nodePort: hostPort }] })],
      [eps("pod-b")],
      [
        ...everybody({ to: a.node, port: hostPort, want: ["pod-b"] }),
        ...everybody({ to: a.node2, port: hostPort, want: ["node"] }),
      ],
      { settings: { nodePortCidrs: [a.rangeOfNode] } },
    ),
    one(
      "P89 P95 a node port without endpoints is refused on chosen addresses, and a listener is reached on others",
      [onNodePort({ ports: [{ port: 80, protocol: "TCP", nodePort: hostPort }] })],
      [],
      [
        ...everybody({ to: a.node, port: hostPort, want: "refused" }),
        ...everybody({ to: a.node2, port: hostPort, want: ["node"] }),
      ],
      { settings: { nodePortCidrs: [a.rangeOfNode] } },
    ),
    one(
      "P90 a packet to another host's port of the same number passes",
      [onNodePort({ ports: [{ port: 80, protocol: "TCP", nodePort: 8080 }] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a["pod-far"], port: 8080, want: ["pod-far"], seen: "own" },
        { from: "pod-a", to: a["pod-far"], port: 8080, want: ["pod-far"], seen: "own" },
        { from: "node", to: a["pod-far"], port: 8080, want: ["pod-far"] },
      ],
    ),
    one(
      "P91 an external IP that is the node's own wins over a node port of the same number",
      [onNodePort(), second({ externalIPs: [a.node], ports: [{ port: nodePort, protocol: "TCP" }] })],
      [eps("pod-b"), secondEps],
      [
        { from: "outside", to: a.node, port: nodePort, want: ["pod-far"], times: 5 },
        { from: "outside", to: a.node2, port: nodePort, want: ["pod-b"], times: 5 },
      ],
    ),
    one(
      "P92 two Services with one external IP: the older one has it",
      [
        svc({ created: "2026-01-02T00:00:00Z", externalIPs: [a.external] }),
        second({ created: "2026-01-01T00:00:00Z", externalIPs: [a.external] }),
      ],
      [eps("pod-b"), secondEps],
      [
        { from: "outside", to: a.external, want: ["pod-far"], times: 5 },
        { from: "pod-a", to: a.clusterIp, want: ["pod-b"] },
      ],
    ),
    {
      name: "P92 the younger Service has the external IP once the older one is gone",
      stages: [
        {
          services: [
            svc({ created: "2026-01-02T00:00:00Z", externalIPs: [a.external] }),
            second({ created: "2026-01-01T00:00:00Z", externalIPs: [a.external] }),
          ],
          slices: [eps("pod-b"), secondEps],
          probes: [{ from: "outside", to: a.external, want: ["pod-far"] }],
        },
        {
          services: [svc({ created: "2026-01-02T00:00:00Z", externalIPs: [a.external] })],
          probes: [{ from: "outside", to: a.external, want: ["pod-b"] }],
        },
      ],
    },
    one(
      "P93 two Services share a load-balancer IP with different ports",
      [
        balanced(),
        second({ type: "LoadBalancer", ports: [{ port: 81, protocol: "TCP" }], ingress: [{ ip: a.balancer }] }),
      ],
      [eps("pod-b"), secondEps],
      [
        ...everybody({ to: a.balancer, want: ["pod-b"] }),
        ...everybody({ to: a.balancer, port: 81, want: ["pod-far"] }),
      ],
    ),
    one(
      "P94 a load-balancer IP that is the node's own leaves its other ports alone",
      [balanced({ ingress: [{ ip: a.node }], externalIPs: [a.node2] })],
      [eps("pod-b")],
      [a.node, a.node2].flatMap((to) => [
        ...everybody({ to, want: ["pod-b"] }),
        ...everybody({ to, port: hostPort, want: ["node"] }),
      ]),
    ),
    one(
      "P95 a listener of the node is shadowed by a node port of its number",
      [onNodePort({ ports: [{ port: 80, protocol: "TCP", nodePort: hostPort }] })],
      [eps("pod-b")],
      everybody({ to: a.node, port: hostPort, want: ["pod-b"] }),
    ),
    ...(family === "IPv4"
      ? [
          one(
            "P138 a process of the node reaches a node port at 127.0.0.1, whatever addresses are chosen",
            [onNodePort()],
            [eps("pod-b", "pod-far")],
            [{ from: "node", to: a.loopback, port: nodePort, want: ["pod-b", "pod-far"] }],
            { settings: { nodePortCidrs: [a.rangeOfNode] } },
          ),
          one(
            "P136 P139 node ports at 127.0.0.1 can be switched off",
            [onNodePort()],
            [eps("pod-b")],
            [{ from: "node", to: a.loopback, port: nodePort, want: "refused" }],
            { settings: { localhostNodePorts: false } },
          ),
        ]
      : []),
    {
      alone: true,
      ...one(
        "P134 blocks of the other family choose nothing in this one",
        [onNodePort()],
        [eps("pod-b")],
        [a.node, a.node2].map((to) => ({ from: "outside", to, port: nodePort, want: ["pod-b"] })),
        { settings: { nodePortCidrs: [family === "IPv4" ? "fd00:18::2/128" : "172.18.0.2/32"] } },
      ),
    },
    one(
      "P135 a block of everything chooses all addresses",
      [onNodePort()],
      [eps(at("pod-b"))],
      [a.node, a.node2].map((to) => ({ from: "outside", to, port: nodePort, want: ["pod-b"] })),
      { settings: { nodePortCidrs: [a.rangeOfNode, a.all] } },
    ),
    one(
      "P262 nobody captures a clusterIP with an external IP",
      [svc(), second({ name: "thief", created: "2020-01-01T00:00:00Z", externalIPs: [a.clusterIp] })],
      [eps("pod-b"), sliceOf(["pod-far"], { of: "thief" })],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"], times: 5 }],
    ),
    one(
      "P262 an external IP that is a Pod's address is the Service's port only",
      [svc({ externalIPs: [a["pod-far"]] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a["pod-far"], want: ["pod-b"] },
        { from: "pod-a", to: a["pod-far"], port: 8080, want: ["pod-far"], seen: "own" },
        { from: "outside", to: a["pod-far"], port: 8080, want: ["pod-far"], seen: "own" },
      ],
    ),
  ];
}
