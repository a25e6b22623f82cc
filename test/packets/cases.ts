/** Packets and what must become of them: one table for every data plane and both families. Names begin with the demand's number. */
import type { EndpointSlice, Service } from "../../src/api/object.ts";
import type { IpFamily } from "../../src/net/ip.ts";
import { type EndpointFixture, type ServiceFixture, service, slice } from "../../src/proxy/testing/fixtures.ts";
import type { Addresses, HostName } from "./lab.ts";

export interface Probe {
  readonly from: HostName;
  readonly to: string;
  readonly port?: number;
  readonly udp?: true;
  /** Source address, where the host has several. */
  readonly local?: string;
  /** Hosts that may answer, or how it fails. */
  readonly want: readonly HostName[] | "refused" | "silence";
  /** The address that the endpoint sees. */
  readonly seen?: string;
  /** Ask this often; every host of `want` must have answered. Default once. */
  readonly times?: number;
  /** With `times`: always the same host answers. */
  readonly sticky?: true;
}

export interface Stage {
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  readonly settings?: { readonly masqueradeAll?: boolean; readonly nodePortCidrs?: readonly string[] };
  readonly probes: readonly Probe[];
}

export interface PacketCase {
  readonly name: string;
  readonly only?: IpFamily;
  readonly stages: readonly Stage[];
}

const nodePort = 30080;

/** Builders with the family's addresses filled in. */
function build(a: Addresses, family: IpFamily) {
  const svc = (fixture: ServiceFixture = {}) =>
    service({ clusterIP: a.clusterIp, ipFamilies: [family], ...fixture } as ServiceFixture);
  const at = (host: "pod-a" | "pod-b" | "pod-far", more: Partial<EndpointFixture> = {}): EndpointFixture => ({
    ip: a[host],
    node: host === "pod-far" ? "node-b" : "node-a",
    ...more,
  });
  const eps = (...endpoints: (EndpointFixture | "pod-a" | "pod-b" | "pod-far")[]) =>
    slice(
      endpoints.map((endpoint) => (typeof endpoint === "string" ? at(endpoint) : endpoint)),
      { addressType: family, ports: ["TCP", "UDP"].map((protocol) => ({ port: 8080, protocol })) },
    );
  const udp = { ports: [{ port: 80, protocol: "UDP" }] };
  const withNodePort = { type: "NodePort", ports: [{ port: 80, protocol: "TCP", nodePort }] };
  const balanced = (more: ServiceFixture = {}) =>
    svc({ ...withNodePort, type: "LoadBalancer", ingress: [{ ip: a.balancer }], ...more });
  return { svc, at, eps, udp, withNodePort, balanced };
}

export function packetCases(a: Addresses, family: IpFamily): readonly PacketCase[] {
  const { svc, at, eps, udp, withNodePort, balanced } = build(a, family);
  const local = { externalTrafficPolicy: "Local" };
  const sticky = (timeoutSeconds = 60) => ({
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds } },
  });
  const both: readonly HostName[] = ["pod-b", "pod-far"];
  const one = (
    name: string,
    services: readonly Service[],
    slices: readonly EndpointSlice[],
    probes: readonly Probe[],
    settings: Stage["settings"] = {},
  ): PacketCase => ({
    name,
    stages: [{ services, slices, probes, settings }],
  });
  return [
    one(
      "P75 a Pod reaches a clusterIP, on this node and another",
      [svc()],
      [eps(...(["pod-b", "pod-far"] as const))],
      [{ from: "pod-a", to: a.clusterIp, want: both, times: 40 }],
    ),
    one(
      "P75 the node reaches a clusterIP",
      [svc()],
      [eps("pod-b")],
      [{ from: "node", to: a.clusterIp, want: ["pod-b"] }],
    ),
    one(
      "P75 the outside reaches a clusterIP, masqueraded (P108)",
      [svc()],
      [eps("pod-b")],
      [{ from: "outside", to: a.clusterIp, want: ["pod-b"], seen: a.bridge }],
    ),
    one(
      "P79 UDP to a clusterIP",
      [svc(udp)],
      [eps("pod-b", "pod-far")],
      [
        { from: "pod-a", to: a.clusterIp, udp: true, want: both, times: 40 },
        { from: "node", to: a.clusterIp, udp: true, want: both, times: 40 },
        { from: "outside", to: a.clusterIp, udp: true, want: both, times: 40 },
      ],
    ),
    one(
      "P9 a TCP Service takes no UDP on its port",
      [svc()],
      [eps("pod-b")],
      [{ from: "pod-a", to: a.clusterIp, udp: true, want: "refused" }],
    ),
    one(
      "P118 a Pod's address is kept on the way to a clusterIP",
      [svc()],
      [eps("pod-b", "pod-far")],
      [{ from: "pod-a", to: a.clusterIp, want: both, seen: a["pod-a"], times: 30 }],
    ),
    one(
      "P107 masqueradeAll hides Pods too",
      [svc()],
      [eps("pod-far")],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-far"], seen: a.farGateway }],
      { masqueradeAll: true },
    ),
    one(
      "P114 a Pod reaches itself by clusterIP",
      [svc()],
      [eps("pod-a")],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-a"], seen: a.bridge }],
    ),
    one(
      "P114 a Pod reaches itself by UDP",
      [svc(udp)],
      [eps("pod-a")],
      [{ from: "pod-a", to: a.clusterIp, udp: true, want: ["pod-a"] }],
    ),
    one(
      "P114 a Pod reaches itself by node port, external IP and load-balancer IP",
      [balanced({ externalIPs: [a.external] })],
      [eps("pod-a")],
      [
        { from: "pod-a", to: a.node, port: nodePort, want: ["pod-a"] },
        { from: "pod-a", to: a.external, want: ["pod-a"] },
        { from: "pod-a", to: a.balancer, want: ["pod-a"] },
      ],
    ),
    one(
      "P114 a Pod reaches itself by a Service with policy Local",
      [balanced(local)],
      [eps("pod-a")],
      [{ from: "pod-a", to: a.balancer, want: ["pod-a"] }],
    ),
    one(
      "P64 an endpoint without a node is reached, by itself too",
      [svc()],
      [eps(at("pod-a", { node: null }))],
      [
        { from: "pod-a", to: a.clusterIp, want: ["pod-a"] },
        { from: "pod-b", to: a.clusterIp, want: ["pod-a"], seen: a["pod-b"] },
      ],
    ),
    one(
      "P80 no endpoints: refused at once, from everywhere",
      [balanced({ externalIPs: [a.external] })],
      [],
      [
        ...(["pod-a", "node", "outside"] as const).flatMap((from): Probe[] => [
          { from, to: a.clusterIp, want: "refused" },
          { from, to: a.external, want: "refused" },
          { from, to: a.balancer, want: "refused" },
          { from, to: a.node, port: nodePort, want: "refused" },
        ]),
      ],
    ),
    one(
      "P80 no endpoints: UDP is refused",
      [svc(udp)],
      [],
      [
        { from: "pod-a", to: a.clusterIp, udp: true, want: "refused" },
        { from: "node", to: a.clusterIp, udp: true, want: "refused" },
      ],
    ),
    one(
      "P56 only endpoints that are not ready: refused",
      [svc()],
      [eps(at("pod-b", { ready: false, serving: true }))],
      [{ from: "pod-a", to: a.clusterIp, want: "refused" }],
    ),
    one(
      "P52 an endpoint that serves while it terminates is better than none",
      [svc()],
      [eps(at("pod-b", { ready: false, serving: true, terminating: true }))],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"] }],
    ),
    one(
      "P55 a terminating endpoint gets nothing while another is ready",
      [svc()],
      [eps(at("pod-b", { ready: false, serving: true, terminating: true }), "pod-far")],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-far"], times: 20 }],
    ),
    one(
      "P81 internalTrafficPolicy Local: only endpoints of this node",
      [svc({ internalTrafficPolicy: "Local" })],
      [eps("pod-b", "pod-far")],
      [
        { from: "pod-a", to: a.clusterIp, want: ["pod-b"], times: 20 },
        { from: "node", to: a.clusterIp, want: ["pod-b"], times: 5 },
      ],
    ),
    one(
      "P81 internalTrafficPolicy Local without a local endpoint: silence",
      [svc({ internalTrafficPolicy: "Local" })],
      [eps("pod-far")],
      [{ from: "pod-a", to: a.clusterIp, want: "silence" }],
    ),
    one(
      "P76 a node port, from outside, the node and a Pod",
      [svc(withNodePort)],
      [eps("pod-b", "pod-far")],
      [
        { from: "outside", to: a.node, port: nodePort, want: both, times: 30 },
        { from: "node", to: a.node, port: nodePort, want: both, times: 30 },
        { from: "pod-a", to: a.node, port: nodePort, want: both, times: 30 },
        { from: "outside", to: a.node2, port: nodePort, want: both, times: 30 },
      ],
    ),
    one(
      "P76 a UDP node port",
      [svc({ type: "NodePort", ports: [{ port: 80, protocol: "UDP", nodePort }] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a.node, port: nodePort, udp: true, want: ["pod-b"] },
        { from: "node", to: a.node, port: nodePort, udp: true, want: ["pod-b"] },
      ],
    ),
    one(
      "P109 node port, external IP and load-balancer IP are masqueraded",
      [balanced({ externalIPs: [a.external] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a.node, port: nodePort, want: ["pod-b"], seen: a.bridge },
        { from: "outside", to: a.external, want: ["pod-b"], seen: a.bridge },
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: a.bridge },
      ],
    ),
    one(
      "P77 external and load-balancer IPs are caught on the node, for Pods and the node itself",
      [balanced({ externalIPs: [a.external] })],
      [eps("pod-b")],
      [
        { from: "pod-a", to: a.external, want: ["pod-b"] },
        { from: "pod-a", to: a.balancer, want: ["pod-b"] },
        { from: "node", to: a.external, want: ["pod-b"] },
        { from: "node", to: a.balancer, want: ["pod-b"] },
      ],
    ),
    one(
      "P43 a load balancer in Proxy mode is not caught",
      [balanced({ ingress: [{ ip: a.balancer, ipMode: "Proxy" }, { ip: a.balancer2 }] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a.balancer2, want: ["pod-b"] },
        { from: "outside", to: a.balancer, want: "silence" },
      ],
    ),
    one(
      "P82 externalTrafficPolicy Local: the outside reaches local endpoints and keeps its address (P112)",
      [balanced({ ...local, externalIPs: [a.external] })],
      [eps("pod-b", "pod-far")],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: a.outside, times: 10 },
        { from: "outside", to: a.external, want: ["pod-b"], seen: a.outside, times: 5 },
        { from: "outside", to: a.node, port: nodePort, want: ["pod-b"], seen: a.outside, times: 10 },
      ],
    ),
    one(
      "P82 externalTrafficPolicy Local without a local endpoint: the outside hears nothing, Pods and the node are served",
      [balanced(local)],
      [eps("pod-far")],
      [
        { from: "outside", to: a.balancer, want: "silence" },
        { from: "outside", to: a.node, port: nodePort, want: "silence" },
        { from: "pod-a", to: a.balancer, want: ["pod-far"], seen: a["pod-a"] },
        { from: "node", to: a.balancer, want: ["pod-far"] },
        { from: "pod-a", to: a.node, port: nodePort, want: ["pod-far"] },
        { from: "node", to: a.node, port: nodePort, want: ["pod-far"] },
      ],
    ),
    one(
      "P53 policy Local falls back to a local endpoint that terminates",
      [balanced(local)],
      [eps(at("pod-b", { ready: false, serving: true, terminating: true }), "pod-far")],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: a.outside, times: 5 },
        { from: "pod-a", to: a.balancer, want: ["pod-far"], times: 5 },
      ],
    ),
    one(
      "P86 another port of a clusterIP is refused",
      [svc()],
      [eps("pod-b")],
      [
        { from: "pod-a", to: a.clusterIp, port: 81, want: "refused" },
        { from: "node", to: a.clusterIp, port: 81, want: "refused" },
      ],
    ),
    one(
      "P87 an address of the Service range that no Service has: silence",
      [svc()],
      [eps("pod-b")],
      [
        { from: "pod-a", to: a.unused, want: "silence" },
        { from: "node", to: a.unused, want: "silence" },
      ],
    ),
    one(
      "P89 node addresses that are not chosen take no node port",
      [svc(withNodePort)],
      [eps("pod-b")],
      [
        { from: "outside", to: a.node, port: nodePort, want: ["pod-b"] },
        { from: "outside", to: a.node2, port: nodePort, want: "refused" },
      ],
      { nodePortCidrs: [a.rangeOfNode] },
    ),
    one(
      "P90 a packet to another host's port of the same number passes",
      [svc({ type: "NodePort", ports: [{ port: 80, protocol: "TCP", nodePort: 8080 }] })],
      [eps("pod-b")],
      [{ from: "outside", to: a["pod-far"], port: 8080, want: ["pod-far"] }],
    ),
    one(
      "P91 an external IP that is the node's own wins over a node port of the same number",
      [
        svc({ type: "NodePort", ports: [{ port: 80, protocol: "TCP", nodePort }] }),
        svc({
          name: "other",
          clusterIP: a.clusterIp2,
          externalIPs: [a.node],
          ports: [{ port: nodePort, protocol: "TCP" }],
        }),
      ],
      [eps("pod-b"), slice([at("pod-far")], { of: "other", name: "other-1", addressType: family })],
      [
        { from: "outside", to: a.node, port: nodePort, want: ["pod-far"], times: 5 },
        { from: "outside", to: a.node2, port: nodePort, want: ["pod-b"], times: 5 },
      ],
    ),
    one(
      "P92 two Services with one external IP: the older one has it",
      [
        svc({ name: "web", created: "2026-01-02T00:00:00Z", externalIPs: [a.external] }),
        svc({ name: "other", clusterIP: a.clusterIp2, created: "2026-01-01T00:00:00Z", externalIPs: [a.external] }),
      ],
      [eps("pod-b"), slice([at("pod-far")], { of: "other", name: "other-1", addressType: family })],
      [
        { from: "outside", to: a.external, want: ["pod-far"], times: 5 },
        { from: "pod-a", to: a.clusterIp, want: ["pod-b"] },
      ],
    ),
    one(
      "P262 nobody captures a clusterIP with an external IP",
      [
        svc(),
        svc({ name: "thief", clusterIP: a.clusterIp2, created: "2020-01-01T00:00:00Z", externalIPs: [a.clusterIp] }),
      ],
      [eps("pod-b"), slice([at("pod-far")], { of: "thief", name: "thief-1", addressType: family })],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"], times: 5 }],
    ),
    one(
      "P93 two Services share a load-balancer IP with different ports",
      [
        balanced(),
        svc({
          name: "other",
          type: "LoadBalancer",
          clusterIP: a.clusterIp2,
          ports: [{ port: 81, protocol: "TCP" }],
          ingress: [{ ip: a.balancer }],
        }),
      ],
      [eps("pod-b"), slice([at("pod-far")], { of: "other", name: "other-1", addressType: family })],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"] },
        { from: "outside", to: a.balancer, port: 81, want: ["pod-far"] },
      ],
    ),
    one(
      "P94 a load-balancer IP that is the node's own leaves its other ports alone",
      [balanced({ ingress: [{ ip: a.node }] })],
      [eps("pod-b")],
      [
        { from: "outside", to: a.node, want: ["pod-b"] },
        { from: "outside", to: a.node, port: 9090, want: ["node"] },
      ],
    ),
    one(
      "P97 one client stays with one endpoint",
      [balanced({ ...sticky() })],
      [eps("pod-b", "pod-far")],
      [
        { from: "outside", to: a.clusterIp, want: both, times: 15, sticky: true },
        { from: "node", to: a.clusterIp, want: both, times: 15, sticky: true },
      ],
    ),
    one(
      "P98 affinity holds over clusterIP, load-balancer IP and node port",
      [balanced({ ...sticky() })],
      [eps("pod-b", "pod-far")],
      [
        { from: "outside", to: a.clusterIp, want: both, sticky: true, times: 2 },
        { from: "outside", to: a.balancer, want: both, sticky: true, times: 4 },
        { from: "outside", to: a.node, port: nodePort, want: both, sticky: true, times: 4 },
      ],
    ),
    {
      name: "P100 a client whose endpoint is gone gets another and stays with it; P101 the old one's return changes nothing",
      stages: [
        {
          services: [svc(sticky())],
          slices: [eps("pod-b")],
          probes: [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"] }],
        },
        { slices: [eps("pod-far")], probes: [{ from: "pod-a", to: a.clusterIp, want: ["pod-far"], times: 3 }] },
        {
          slices: [eps("pod-b", "pod-far")],
          probes: [{ from: "pod-a", to: a.clusterIp, want: ["pod-far"], times: 15 }],
        },
      ],
    },
    one(
      "P264 affinity with policy Local stays on the node",
      [balanced({ ...local, ...sticky() })],
      [eps("pod-b", "pod-far")],
      [
        { from: "pod-a", to: a.balancer, want: both, sticky: true, times: 8 },
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: a.outside, times: 5 },
      ],
    ),
    one(
      "P125 source ranges: only clients inside use the load-balancer IP; other roads are free",
      [balanced({ externalIPs: [a.external], loadBalancerSourceRanges: [a.rangeOfOutside2] })],
      [eps("pod-b")],
      [
        { from: "outside", local: a.outside2, to: a.balancer, want: ["pod-b"] },
        { from: "outside", local: a.outside, to: a.balancer, want: "silence" },
        { from: "outside", local: a.outside, to: a.node, port: nodePort, want: ["pod-b"] },
        { from: "outside", local: a.outside, to: a.external, want: ["pod-b"] },
        { from: "outside", local: a.outside, to: a.clusterIp, want: ["pod-b"] },
      ],
    ),
    one(
      "P127 source ranges filter Pods by their own address",
      [balanced({ loadBalancerSourceRanges: [a.rangeOfPods] })],
      [eps("pod-b")],
      [
        { from: "pod-a", to: a.balancer, want: ["pod-b"] },
        { from: "outside", to: a.balancer, want: "silence" },
      ],
    ),
    one(
      "P130 source ranges drop before a missing endpoint is refused",
      [balanced({ loadBalancerSourceRanges: [a.rangeOfOutside2] })],
      [],
      [
        { from: "outside", local: a.outside, to: a.balancer, want: "silence" },
        { from: "outside", local: a.outside2, to: a.balancer, want: "refused" },
      ],
    ),
    {
      name: "P129 a change of the source ranges takes effect with the next sync",
      stages: [
        {
          services: [balanced({ loadBalancerSourceRanges: [a.rangeOfOutside2] })],
          slices: [eps("pod-b")],
          probes: [{ from: "outside", local: a.outside, to: a.balancer, want: "silence" }],
        },
        {
          services: [balanced({ loadBalancerSourceRanges: [a.rangeOfPods] })],
          probes: [{ from: "outside", local: a.outside2, to: a.balancer, want: "silence" }],
        },
        { services: [balanced()], probes: [{ from: "outside", local: a.outside, to: a.balancer, want: ["pod-b"] }] },
      ],
    },
    one(
      "P69 hints: traffic stays in this zone",
      [svc()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far", { zones: ["z2"] }))],
      [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"], times: 15 }],
    ),
    one(
      "P70 hints: one that is missing switches them off",
      [svc()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far"))],
      [{ from: "pod-a", to: a.clusterIp, want: both, times: 40 }],
    ),
    {
      name: "P252 a port moves from one Service to another at once",
      stages: [
        {
          services: [svc(withNodePort)],
          slices: [eps("pod-b")],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-b"] }],
        },
        {
          services: [svc(), svc({ ...withNodePort, name: "other", clusterIP: a.clusterIp2 })],
          slices: [eps("pod-b"), slice([at("pod-far")], { of: "other", name: "other-1", addressType: family })],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-far"], times: 3 }],
        },
      ],
    },
    {
      name: "P254 the same port changes from TCP to UDP",
      stages: [
        { services: [svc()], slices: [eps("pod-b")], probes: [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"] }] },
        {
          services: [svc(udp)],
          probes: [
            { from: "pod-a", to: a.clusterIp, udp: true, want: ["pod-b"] },
            { from: "pod-a", to: a.clusterIp, want: "refused" },
          ],
        },
      ],
    },
    {
      name: "P1 a Service given to another proxy looks deleted",
      stages: [
        { services: [svc()], slices: [eps("pod-b")], probes: [{ from: "pod-a", to: a.clusterIp, want: ["pod-b"] }] },
        {
          services: [svc({ labels: { "service.kubernetes.io/service-proxy-name": "other" } })],
          probes: [{ from: "pod-a", to: a.clusterIp, want: "silence" }],
        },
      ],
    },
    ...(family === "IPv4"
      ? [
          one(
            "P138 a process of the node reaches a node port at 127.0.0.1",
            [svc(withNodePort)],
            [eps("pod-b", "pod-far")],
            [{ from: "node", to: a.loopback, port: nodePort, want: both, times: 20 }],
          ),
        ]
      : []),
  ];
}
