/** One state after another: P201, P251 to P265. */
import { addresses, manyAddress, podPort } from "../addresses.ts";
import { type Builders, nodePort, type PacketCase, sticky } from "./case.ts";

export function changeCases(b: Builders): PacketCase[] {
  const { a, family, svc, at, eps, sliceOf, ports, onNodePort, balanced, one } = b;
  const other = otherFamily[family];
  const asked = { from: "pod-a", to: a.clusterIp } as const;
  const served = { ...asked, want: ["pod-b"] } as const;
  const far = { ...asked, want: ["pod-far"] } as const;
  const second = (more: Parameters<typeof svc>[0] = {}) => svc({ name: "other", clusterIP: a.clusterIp2, ...more });
  const secondEps = sliceOf(["pod-far"], { of: "other" });
  const onPort = ports("TCP", nodePort);
  return [
    {
      name: "P252 a port gets another name",
      stages: ["a", "b"].map((name) => ({
        services: [svc({ ports: [{ name, port: 80, protocol: "TCP" }] })],
        slices: [sliceOf(["pod-b"], { ports: [{ name, port: 8080 }] })],
        probes: [served],
      })),
    },
    {
      name: "P253 another targetPort: new slices before the old ones go",
      stages: [
        { services: [svc()], slices: [sliceOf(["pod-b"], { ports: [{ port: 9101 }] })], probes: [served] },
        {
          slices: [
            sliceOf(["pod-b"], { ports: [{ port: 9101 }] }),
            sliceOf(["pod-b"], { name: "web-2", ports: [{ port: 8080 }] }),
          ],
          probes: [{ ...served, times: 6 }],
        },
        { slices: [sliceOf(["pod-b"], { name: "web-2", ports: [{ port: 8080 }] })], probes: [served] },
      ],
    },
    {
      name: "P253 another targetPort: the old slices go first",
      stages: [
        { services: [svc()], slices: [sliceOf(["pod-b"], { ports: [{ port: 9101 }] })], probes: [served] },
        { slices: [], probes: [{ ...asked, want: "refused" }] },
        { slices: [sliceOf(["pod-b"], { ports: [{ port: 8080 }] })], probes: [served] },
      ],
    },
    {
      name: "P254 the same port changes from TCP to UDP",
      stages: [
        { services: [svc()], slices: [eps("pod-b")], probes: [served] },
        {
          services: [svc(ports("UDP"))],
          probes: [
            { ...served, protocol: "UDP" },
            { ...asked, want: "refused" },
          ],
        },
      ],
    },
    {
      name: "P255 the clusterIP of a deleted Service is another's: nothing of the old one's affinity is left",
      stages: [
        { services: [svc(sticky())], slices: [eps("pod-b")], probes: [served] },
        {
          services: [svc({ name: "other", ...sticky() })],
          slices: [secondEps],
          probes: [{ ...far, times: 3 }],
        },
      ],
    },
    {
      name: "P257 an endpoint moves to another node with its address",
      stages: [
        {
          services: [balanced({ externalTrafficPolicy: "Local" })],
          slices: [eps(at("pod-b"))],
          probes: [{ from: "outside", to: a.balancer, want: ["pod-b"] }],
        },
        {
          slices: [eps(at("pod-b", { node: "node-b" }))],
          probes: [{ from: "outside", to: a.balancer, want: "silence" }],
        },
      ],
    },
    {
      name: "P258 a node port moves from one Service to another at once",
      stages: [
        {
          services: [onNodePort(), second()],
          slices: [eps("pod-b"), secondEps],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-b"] }],
        },
        {
          services: [svc(), second({ type: "NodePort", ...ports("TCP", nodePort) })],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-far"], times: 3 }],
        },
      ],
    },
    {
      name: "P258 a node port moves from one Service to another in two steps",
      stages: [
        {
          services: [onNodePort(), second()],
          slices: [eps("pod-b"), secondEps],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-b"] }],
        },
        { services: [svc(), second()], probes: [{ from: "outside", to: a.node, port: nodePort, want: "refused" }] },
        {
          services: [svc(), second({ type: "NodePort", ...ports("TCP", nodePort) })],
          probes: [{ from: "outside", to: a.node, port: nodePort, want: ["pod-far"] }],
        },
      ],
    },
    one(
      "P259 one address under two ports of one number and different names",
      [
        svc({
          ports: [
            { name: "a", port: 80, protocol: "TCP" },
            { name: "b", port: 81, protocol: "TCP" },
          ],
        }),
      ],
      [
        sliceOf(["pod-b"], {
          ports: [
            { name: "a", port: 8080 },
            { name: "b", port: 8080 },
          ],
        }),
      ],
      [served, { ...served, port: 81 }],
    ),
    ...[1_000, 5_000].map((count) => ({
      name: `P259 ${count} endpoints`,
      ...(count > 1_000 ? ({ only: "IPv4" } as const) : {}),
      stages: [{ services: [svc()], slices: manySlices(b, count), probes: [{ ...served, times: 12 }] }],
    })),
    one(
      "P260 names of the greatest length",
      [svc({ name: `w${"e".repeat(61)}b`, ports: [{ name: `p${"o".repeat(61)}t`, port: 80, protocol: "TCP" }] })],
      [sliceOf(["pod-b"], { of: `w${"e".repeat(61)}b`, ports: [{ name: `p${"o".repeat(61)}t`, port: 8080 }] })],
      [served],
    ),
    one(
      "P261 the greatest port, and a node port outside of the usual range",
      [svc({ type: "NodePort", ports: [{ port: 65_535, protocol: "TCP", nodePort: 65_534 }] })],
      [eps("pod-b")],
      [
        { ...served, port: 65_535 },
        { from: "outside", to: a.node, port: 65_534, want: ["pod-b"] },
      ],
    ),
    {
      name: "P263 a load balancer changes its address and changes it back",
      stages: [a.balancer, a.balancer2, a.balancer].map((ip) => ({
        services: [balanced({ ingress: [{ ip }] })],
        slices: [eps("pod-b")],
        probes: [
          { from: "outside", to: ip, want: ["pod-b"] },
          { from: "outside", to: ip === a.balancer ? a.balancer2 : a.balancer, want: "silence" },
        ],
      })),
    },
    {
      name: "P263 an external IP is added and taken away",
      stages: [[a.external], [a.external, a.external2], [a.external2]].map((externalIPs) => ({
        services: [svc({ externalIPs })],
        slices: [eps("pod-b")],
        probes: [a.external, a.external2].map((to) => ({
          from: "outside",
          to,
          want: externalIPs.includes(to) ? (["pod-b"] as const) : "silence",
        })),
      })),
    },
    {
      name: "P265 forty Services come and go together",
      stages: [40, 0, 40].map((count) => ({
        services: Array.from({ length: count }, (_, n) => svc({ name: `s${n}`, clusterIP: numbered(b, n) })),
        slices: Array.from({ length: count }, (_, n) => sliceOf(["pod-b"], { of: `s${n}` })),
        probes: [0, 17, 39].map((n) => ({
          from: "pod-a",
          to: numbered(b, n),
          want: count > 0 ? (["pod-b"] as const) : "silence",
        })),
      })),
    },
    {
      name: "P267 an IPv4-mapped IPv6 address is no IPv6 endpoint",
      only: "IPv6",
      stages: [
        {
          services: [svc()],
          slices: [eps(at("pod-far", { ip: "::ffff:10.244.1.13" }), "pod-b")],
          probes: [{ ...served, times: 8 }],
        },
      ],
    },
    {
      alone: true,
      name: "P200 P201 a Service becomes dual-stack and single-stack again; the other family has its own endpoints",
      stages: [
        {
          services: [svc()],
          slices: [eps("pod-b"), dualEps(b)],
          probes: [served, { from: "pod-a", to: dualIp(b), want: "silence" }],
        },
        {
          services: [svc({ clusterIPs: [a.clusterIp, dualIp(b)], ipFamilies: [family, other] })],
          probes: [served, { from: "pod-a", to: dualIp(b), want: ["pod-far"] }],
        },
        { services: [svc()], probes: [served, { from: "pod-a", to: dualIp(b), want: "silence" }] },
      ],
    },
    {
      alone: true,
      ...one(
        "P202 one node port number serves both families",
        [svc({ clusterIPs: [a.clusterIp, dualIp(b)], ipFamilies: [family, other], ...onPort, type: "NodePort" })],
        [eps("pod-b"), dualEps(b)],
        [
          { from: "outside", to: a.node, port: nodePort, want: ["pod-b"] },
          { from: "outside", to: addresses[other].node, port: nodePort, want: ["pod-far"] },
        ],
      ),
    },
    {
      alone: true,
      ...one(
        "P251 a Service of this family alone on a node whose first address is the other's",
        [svc()],
        [eps("pod-b")],
        [served, { from: "outside", to: a.clusterIp, want: ["pod-b"] }],
        { node: { addresses: [addresses[other].node, a.node] } },
      ),
    },
  ];
}

const otherFamily = { IPv4: "IPv6", IPv6: "IPv4" } as const;
const dualIp = ({ family }: Builders): string => addresses[otherFamily[family]].clusterIp2;
const dualEps = ({ family, sliceOf }: Builders) => {
  const ip = addresses[otherFamily[family]]["pod-far"];
  return sliceOf([{ ip, node: "node-b" }], { name: "web-dual", addressType: otherFamily[family] });
};

/** The n-th address of the Service range from 100 on. */
const numbered = ({ family }: Builders, n: number): string =>
  family === "IPv4" ? `10.96.1.${n + 1}` : `fd00:10:96::1:${n + 1}`;

/** Pod pod-b has a whole block of addresses: each endpoint is one of them, a thousand to a slice. */
function manySlices({ family, sliceOf, at }: Builders, count: number) {
  return Array.from({ length: count / 1_000 }, (_, slice) =>
    sliceOf(
      Array.from({ length: 1_000 }, (_, i) => at("pod-b", { ip: manyAddress(family, slice * 1_000 + i) })),
      { name: `web-${slice}`, ports: [{ port: podPort }] },
    ),
  );
}
