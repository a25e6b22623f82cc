/** Which objects count, and what is read from them: P1 to P25, P38 to P50. */
import type { EndpointSlice } from "../../../src/api/object.ts";
import { addresses } from "../addresses.ts";
import { type Builders, externalLocal, local, nodePort, type PacketCase } from "./case.ts";

const proxyLabel = "service.kubernetes.io/service-proxy-name";

export function inputCases({
  a,
  family,
  svc,
  at,
  eps,
  sliceOf,
  ports,
  onNodePort,
  balanced,
  one,
}: Builders): PacketCase[] {
  const other = family === "IPv4" ? "IPv6" : "IPv4";
  const asked = { from: "pod-a", to: a.clusterIp } as const;
  const served = { ...asked, want: ["pod-b"] } as const;
  const far = { ...asked, want: ["pod-far"] } as const;
  const refused = { ...asked, want: "refused" } as const;
  return [
    {
      name: "P1 a Service given to another proxy looks deleted, and one that is taken back looks new",
      stages: [
        { services: [svc()], slices: [eps("pod-b")], probes: [served] },
        { services: [svc({ labels: { [proxyLabel]: "" } })], probes: [{ ...asked, want: "silence" }] },
        { services: [svc()], probes: [served] },
      ],
    },
    one(
      "P2 a headless Service has no addresses, not even external ones",
      [svc({ clusterIP: "None", clusterIPs: ["None"], externalIPs: [a.external] })],
      [eps("pod-b")],
      [{ from: "outside", to: a.external, want: "silence" }],
    ),
    one(
      "P6 an ExternalName Service has none, whatever it carries",
      [
        svc({
          type: "ExternalName",
          externalName: "example.test",
          externalIPs: [a.external],
          ingress: [{ ip: a.balancer }],
        }),
      ],
      [eps("pod-b")],
      [
        { from: "outside", to: a.external, want: "silence" },
        { from: "outside", to: a.balancer, want: "silence" },
      ],
    ),
    {
      alone: true,
      ...one(
        "P7 a family without a clusterIP has no node port, external IP or load-balancer IP",
        [
          balanced({
            clusterIP: family === "IPv4" ? "fd00:10:96::77" : "10.96.0.77",
            clusterIPs: [family === "IPv4" ? "fd00:10:96::77" : "10.96.0.77"],
            ipFamilies: [other],
          }),
        ],
        [eps("pod-b")],
        [
          { from: "outside", to: a.node, port: nodePort, want: "refused" },
          { from: "outside", to: a.external, want: "silence" },
          { from: "outside", to: a.balancer, want: "silence" },
        ],
      ),
    },
    {
      alone: true,
      ...one(
        "P8 each family has the clusterIP of its place in the list",
        [svc({ clusterIP: "", clusterIPs: [addresses[other].clusterIp2, a.clusterIp], ipFamilies: [other, family] })]
          // The first one is the Service's own.
          .map((object) => ({ ...object, spec: { ...object.spec, clusterIP: addresses[other].clusterIp2 } })),
        [eps("pod-b")],
        [served, { from: "pod-a", to: addresses[other].clusterIp2, want: "refused" }],
      ),
    },
    one(
      "P9 a TCP Service takes no UDP on its port",
      [svc()],
      [eps("pod-b")],
      [{ ...asked, protocol: "UDP", want: "refused" }],
    ),
    one(
      "P9 two ports of one number and different protocols are independent",
      [
        svc({
          ports: [
            { name: "t", port: 80, protocol: "TCP" },
            { name: "u", port: 80, protocol: "UDP" },
          ],
        }),
      ],
      [
        sliceOf(["pod-b"], { ports: [{ name: "t", port: 8080, protocol: "TCP" }] }),
        sliceOf(["pod-far"], { name: "web-2", ports: [{ name: "u", port: 8080, protocol: "UDP" }] }),
      ],
      [served, { ...far, protocol: "UDP" }],
    ),
    one(
      "P10 slices of names and of the other family do not count",
      [svc()],
      [
        sliceOf(["pod-b"], { addressType: "FQDN" }),
        sliceOf(["pod-far"], { name: "web-2", addressType: other }),
        sliceOf([], { name: "web-3" }),
      ],
      [refused],
    ),
    one(
      "P11 a slice without a Service's name is no Service's",
      [svc()],
      [sliceOf(["pod-b"], { labels: { "kubernetes.io/service-name": "" } })],
      [refused],
    ),
    one(
      "P12 a slice made by hand counts as any",
      [svc()],
      [sliceOf(["pod-b"], { labels: { "endpointslice.kubernetes.io/managed-by": "somebody" } })],
      [served],
    ),
    one(
      "P13 a slice's port without a number is skipped",
      [svc()],
      [sliceOf(["pod-b"], { ports: [{ protocol: "TCP" }] }), sliceOf(["pod-far"], { name: "web-2" })],
      [{ ...far, times: 10 }],
    ),
    one(
      "P14 a slice's port must have the name, and the Service's targetPort is not read",
      [svc({ ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 1234 }] })],
      [
        sliceOf(["pod-b"], { ports: [{ name: "http", port: 8080 }] }),
        sliceOf(["pod-far"], { name: "web-2", ports: [{ name: "https", port: 8080 }] }),
      ],
      [{ ...served, times: 10 }],
    ),
    one(
      "P14 a slice's port must have the protocol",
      [svc()],
      [sliceOf(["pod-b"], { ports: [{ port: 8080, protocol: "UDP" }] })],
      [refused],
    ),
    one(
      "P15 only the first address of an endpoint counts",
      [svc()],
      [
        withAddresses(eps("pod-b"), [a["pod-b"], a["pod-far"]]),
        withAddresses(sliceOf(["pod-far"], { name: "web-2" }), []),
      ],
      [{ ...served, times: 10 }],
    ),
    one(
      "P16 addresses in old spellings are understood",
      [svc()],
      [eps(at("pod-b", { ip: family === "IPv4" ? "010.244.000.012" : "FD00:0010:0244:0::0012" }))],
      [served],
    ),
    one(
      "P17 absent conditions mean ready",
      [svc()],
      [eps(at("pod-b", {}), at("pod-far", { ready: false, serving: false }))],
      [{ ...served, times: 10 }],
    ),
    one(
      "P18 an endpoint without a node is nowhere local",
      [balanced(local)],
      [eps(at("pod-b", { node: null }))],
      [
        { ...asked, want: "silence" },
        { from: "outside", to: a.balancer, want: "silence" },
        { from: "pod-a", to: a.balancer, want: ["pod-b"] },
      ],
    ),
    one(
      "P19 an address that is reused: the endpoint that does not terminate stands for it (P256)",
      [svc()],
      [
        sliceOf([at("pod-b")], { name: "web-1" }),
        sliceOf([at("pod-b", { ready: false, serving: false, terminating: true })], { name: "web-2" }),
      ],
      [served],
    ),
    one(
      "P22 the proxy does not read publishNotReadyAddresses: what is not ready in the slice is not served",
      [svc({ publishNotReadyAddresses: true })],
      [eps(at("pod-b", { ready: false, serving: false }))],
      [refused],
    ),
    one(
      "P23 a load balancer of any class, without node ports of its own, is served at its address",
      [
        balanced({
          ...ports("TCP"),
          loadBalancerClass: "example.test/any",
          allocateLoadBalancerNodePorts: false,
        }),
      ],
      [eps("pod-b")],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"] },
        { from: "outside", to: a.node, port: nodePort, want: "refused" },
      ],
    ),
    {
      name: "P24 slices may come before their Service",
      stages: [
        { services: [], slices: [eps("pod-b")], probes: [{ ...asked, want: "silence" }] },
        { services: [svc()], probes: [served] },
      ],
    },
    one(
      "P39 a Service that says nothing of its internal policy is reached everywhere",
      [svc()],
      [eps("pod-far")],
      [far, { from: "node", to: a.clusterIp, want: ["pod-far"] }],
    ),
    one(
      "P40 policy Local of a ClusterIP Service is for its external IPs",
      [svc({ externalIPs: [a.external], ...externalLocal })],
      [eps("pod-b", "pod-far")],
      [
        { from: "outside", to: a.external, want: ["pod-b"], seen: "own", times: 12 },
        { from: "outside", to: a.clusterIp, want: ["pod-b", "pod-far"] },
      ],
    ),
    one(
      "P43 a load balancer in Proxy mode is not caught, one with a name only is none",
      [
        balanced({
          ingress: [{ ip: a.balancer, ipMode: "Proxy" }, { ip: a.balancer2 }, { hostname: "lb.example.test" }],
        }),
      ],
      [eps("pod-b")],
      [
        { from: "outside", to: a.balancer2, want: ["pod-b"] },
        { from: "outside", to: a.balancer, want: "silence" },
        { from: "pod-a", to: a.balancer, want: "silence" },
        { from: "node", to: a.balancer, want: "silence" },
      ],
    ),
    {
      name: "P44 a load balancer changes from VIP to Proxy mode and back; the other address stays",
      stages: (["VIP", "Proxy", "VIP"] as const).map((ipMode) => ({
        services: [balanced({ ingress: [{ ip: a.balancer, ipMode }, { ip: a.balancer2 }] })],
        slices: [eps("pod-b")],
        probes: [
          { from: "outside", to: a.balancer, want: ipMode === "VIP" ? (["pod-b"] as const) : "silence" },
          { from: "outside", to: a.balancer2, want: ["pod-b"] },
        ],
      })),
    },
    one(
      "P65 ports of one Service may have different endpoints",
      [
        onNodePort({
          ports: [
            { name: "a", port: 80, protocol: "TCP", nodePort },
            { name: "b", port: 81, protocol: "TCP", nodePort: nodePort + 1 },
          ],
        }),
      ],
      [
        sliceOf(["pod-b"], { ports: [{ name: "a", port: 8080 }] }),
        sliceOf(["pod-far"], { name: "web-2", ports: [{ name: "b", port: 8080 }] }),
      ],
      [
        { ...served, times: 10 },
        { ...far, port: 81, times: 10 },
        { from: "outside", to: a.node, port: nodePort, want: ["pod-b"] },
        { from: "outside", to: a.node, port: nodePort + 1, want: ["pod-far"] },
      ],
    ),
  ];
}

const withAddresses = (slice: EndpointSlice, addresses: string[]): EndpointSlice => ({
  ...slice,
  endpoints: slice.endpoints.map((endpoint) => ({ ...endpoint, addresses })),
});
