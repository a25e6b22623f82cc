/** ClientIP affinity: P97 to P102, P264; times are in the scenarios. */

import type { HostName } from "../addresses.ts";
import { type Builders, externalLocal, internalLocal, nodePort, type PacketCase, protocols, sticky } from "./case.ts";

const both: readonly HostName[] = ["pod-b", "pod-far"];
const clients: readonly HostName[] = ["pod-a", "node", "node-b", "outside"];

export function affinityCases({ a, svc, at, eps, sliceOf, ports, balanced, roads, one }: Builders): PacketCase[] {
  const asked = { from: "pod-a", to: a.clusterIp } as const;
  return [
    ...protocols.flatMap((protocol) =>
      (Object.keys(roads) as (keyof typeof roads)[]).map((road) =>
        one(
          `P97 P250 one client stays with one endpoint: ${protocol} to a ${road}`,
          [balanced({ ...ports(protocol, nodePort), ...sticky() })],
          [eps("pod-b", "pod-far")],
          [
            ...clients.map(
              (from) => ({ from, ...roads[road], protocol, want: both, times: 12, sticky: true }) as const,
            ),
            { from: "outside", local: a.outside2, ...roads[road], protocol, want: both, times: 12, sticky: true },
          ],
        ),
      ),
    ),
    one(
      "P97 UDP sockets without a peer stay with one endpoint",
      [balanced({ ...ports("UDP", nodePort), ...sticky() })],
      [eps("pod-b", "pod-far")],
      clients.map((from) => ({
        from,
        to: a.clusterIp,
        protocol: "UDP",
        unconnected: true,
        want: both,
        times: 12,
        sticky: true,
      })),
    ),
    one(
      "P49 P97 affinity without a time of its own lasts for three hours",
      [svc({ sessionAffinity: "ClientIP" })],
      [eps("pod-b", "pod-far")],
      [{ ...asked, want: both, times: 12, sticky: true }],
    ),
    one(
      "P98 affinity holds over clusterIP, load-balancer IP and node port",
      [balanced(sticky())],
      [eps("pod-b", "pod-far")],
      Object.values(roads).map((road) => ({ from: "outside", ...road, want: both, sticky: true, times: 4 })),
    ),
    one(
      "P99 ports of one Service have affinities of their own",
      [
        svc({
          ...sticky(),
          ports: [
            { name: "a", port: 80, protocol: "TCP" },
            { name: "b", port: 81, protocol: "TCP" },
          ],
        }),
      ],
      [
        sliceOf(["pod-b"], { ports: [{ name: "a", port: 8080 }] }),
        sliceOf(["pod-far"], { name: "web-2", ports: [{ name: "b", port: 8080 }] }),
      ],
      [
        { ...asked, want: ["pod-b"], times: 6 },
        { ...asked, port: 81, want: ["pod-far"], times: 6 },
      ],
    ),
    {
      name: "P100 a client whose endpoint is gone gets another and stays with it; P101 the old one's return changes nothing",
      stages: [
        { services: [svc(sticky())], slices: [eps("pod-b")], probes: [{ ...asked, want: ["pod-b"] }] },
        { slices: [eps("pod-far")], probes: [{ ...asked, want: ["pod-far"], times: 3 }] },
        { slices: [eps("pod-b", "pod-far")], probes: [{ ...asked, want: ["pod-far"], times: 15 }] },
      ],
    },
    {
      name: "P100 a client whose endpoint is no longer ready gets another",
      stages: [
        { services: [svc(sticky())], slices: [eps("pod-b")], probes: [{ ...asked, want: ["pod-b"] }] },
        {
          slices: [eps(at("pod-b", { ready: false }), "pod-far")],
          probes: [{ ...asked, want: ["pod-far"], times: 8 }],
        },
      ],
    },
    {
      name: "P100 a client whose endpoint is not local gets a local one when the policy becomes Local",
      stages: [
        { services: [svc(sticky())], slices: [eps("pod-far")], probes: [{ ...asked, want: ["pod-far"] }] },
        {
          services: [svc({ ...sticky(), ...internalLocal })],
          slices: [eps("pod-b", "pod-far")],
          probes: [{ ...asked, want: ["pod-b"], times: 8 }],
        },
      ],
    },
    {
      name: "P102 affinity can be switched on and off",
      stages: [
        { services: [svc()], slices: [eps("pod-b", "pod-far")], probes: [{ ...asked, want: both }] },
        { services: [svc(sticky())], probes: [{ ...asked, want: both, times: 12, sticky: true }] },
        { services: [svc()], probes: [{ ...asked, want: both }] },
      ],
    },
    {
      name: "P102 another timeout takes effect and the client stays",
      stages: [
        {
          services: [svc(sticky(60))],
          slices: [eps("pod-b")],
          probes: [{ ...asked, want: ["pod-b"] }],
        },
        {
          services: [svc(sticky(10_800))],
          slices: [eps("pod-b", "pod-far")],
          probes: [{ ...asked, want: both, times: 12, sticky: true }],
        },
      ],
    },
    one(
      "P264 affinity with policy Local stays on the node for the outside, and anywhere for Pods",
      [balanced({ ...externalLocal, ...sticky() })],
      [eps("pod-b", "pod-far")],
      [
        { from: "pod-a", to: a.balancer, want: both, sticky: true, times: 8 },
        { from: "node", to: a.balancer, want: both, sticky: true, times: 8 },
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: "own", times: 5 },
        { from: "node-b", to: a.node, port: nodePort, want: ["pod-b"], seen: "own", times: 5 },
      ],
    ),
    one(
      "P264 affinity among the endpoints that the hints leave",
      [svc(sticky())],
      [eps(at("pod-a", { zones: ["z1"] }), at("pod-b", { zones: ["z1"] }), at("pod-far", { zones: ["z2"] }))],
      [{ from: "node", to: a.clusterIp, want: ["pod-a", "pod-b"], sticky: true, times: 10 }],
    ),
  ];
}
