/** Which endpoints serve, and hints: P51 to P74. */

import type { HostName } from "../addresses.ts";
import { hostPort } from "../addresses.ts";
import { type Builders, externalLocal, internalLocal, local, nodePort, type PacketCase, terminating } from "./case.ts";

const both: readonly HostName[] = ["pod-b", "pod-far"];

export function endpointCases({ a, svc, at, eps, sliceOf, balanced, onNodePort, one }: Builders): PacketCase[] {
  const asked = { from: "pod-a", to: a.clusterIp } as const;
  return [
    one(
      "P51 all ready endpoints serve, here and elsewhere",
      [svc()],
      [eps("pod-a", "pod-b", "pod-far")],
      [{ from: "node", to: a.clusterIp, want: ["pod-a", "pod-b", "pod-far"], times: 60 }],
    ),
    one(
      "P52 when none is ready, all that serve while they terminate do, wherever they are",
      [svc()],
      [eps(at("pod-b", terminating), at("pod-far", { ...terminating, zones: ["z9"] }))],
      [{ ...asked, want: both }],
    ),
    one(
      "P54 the two fallbacks are independent",
      [balanced({ ...externalLocal })],
      [eps(at("pod-b", terminating), "pod-far")],
      [
        { from: "outside", to: a.balancer, want: ["pod-b"], seen: "own", times: 8 },
        { from: "outside", to: a.clusterIp, want: ["pod-far"], times: 8 },
        { from: "pod-a", to: a.balancer, want: ["pod-far"], times: 8 },
      ],
    ),
    one(
      "P55 a terminating endpoint gets nothing while another is ready",
      [svc()],
      [eps(at("pod-b", terminating), "pod-far")],
      [{ ...asked, want: ["pod-far"], times: 20 }],
    ),
    one(
      "P56 an endpoint that is not ready and does not terminate is used by nobody, though it serves",
      [balanced(local)],
      [eps(at("pod-b", { ready: false, serving: true }))],
      [
        { ...asked, want: "refused" },
        { from: "outside", to: a.balancer, want: "refused" },
      ],
    ),
    one(
      "P57 an endpoint that terminates and serves no more is used by nobody",
      [balanced()],
      [eps(at("pod-b", { ready: false, serving: false, terminating: true }))],
      [
        { ...asked, want: "refused" },
        { from: "outside", to: a.balancer, want: "refused" },
      ],
    ),
    one(
      "P58 an endpoint elsewhere that only terminates is one all the same: Local is silent, not refused",
      [svc(internalLocal)],
      [eps(at("pod-far", terminating))],
      [{ ...asked, want: "silence" }],
    ),
    one(
      "P63 an endpoint may have the node's own address",
      [svc({ ports: [{ port: 80, protocol: "TCP" }] })],
      [sliceOf([{ ip: a.node, node: "node-a" }], { ports: [{ port: hostPort }] })],
      [
        { from: "pod-a", to: a.clusterIp, want: ["node"], seen: "own" },
        { from: "node", to: a.clusterIp, want: ["node"] },
        { from: "outside", to: a.clusterIp, want: ["node"] },
      ],
    ),
    one(
      "P63 an endpoint may have another node's address",
      [svc()],
      [sliceOf([{ ip: a["node-b"], node: "node-b" }], { ports: [{ port: hostPort }] })],
      [
        { from: "pod-a", to: a.clusterIp, want: ["node-b"], seen: "own" },
        { from: "node", to: a.clusterIp, want: ["node-b"] },
        { from: "outside", to: a.clusterIp, want: ["node-b"], seen: "node" },
      ],
    ),
    one(
      "P64 an endpoint may be outside of the cluster, and is nowhere local",
      [balanced({ ...externalLocal })],
      [sliceOf([{ ip: a.outside, node: null }], { ports: [{ port: hostPort }] })],
      [
        { from: "pod-a", to: a.clusterIp, want: ["outside"] },
        { from: "node", to: a.clusterIp, want: ["outside"] },
        { from: "node-b", to: a.node, port: nodePort, want: "silence" },
      ],
    ),
    one(
      "P64 an endpoint without a node is reached, by itself too",
      [svc()],
      [eps(at("pod-a", { node: null }))],
      [
        { from: "pod-a", to: a.clusterIp, want: ["pod-a"] },
        { from: "pod-b", to: a.clusterIp, want: ["pod-a"], seen: "own" },
      ],
    ),
    one(
      "P66 hints do not narrow internalTrafficPolicy Local",
      [svc(internalLocal)],
      [eps(at("pod-b", { zones: ["z2"] }), at("pod-far", { zones: ["z1"] }))],
      [{ ...asked, want: ["pod-b"], times: 12 }],
    ),
    one(
      "P66 hints do not narrow externalTrafficPolicy Local",
      [onNodePort(externalLocal)],
      [eps(at("pod-b", { zones: ["z2"] }), at("pod-far", { zones: ["z1"] }))],
      [{ from: "outside", to: a.node, port: nodePort, want: ["pod-b"], seen: "own", times: 12 }],
    ),
    one(
      "P67 hints of endpoints that are not ready are not looked at",
      [svc()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far", { zones: ["z2"] }), at("pod-a", { ready: false }))],
      [{ ...asked, want: ["pod-b"], times: 12 }],
    ),
    one(
      "P68 hints for nodes: traffic stays on this node, whatever the zones say",
      [svc()],
      [eps(at("pod-b", { nodes: ["node-a"], zones: ["z2"] }), at("pod-far", { nodes: ["node-b"], zones: ["z1"] }))],
      [{ ...asked, want: ["pod-b"], times: 12 }],
    ),
    one(
      "P69 hints for zones: traffic stays in this zone",
      [balanced()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far", { zones: ["z2"] }))],
      [
        { ...asked, want: ["pod-b"], times: 12 },
        { from: "outside", to: a.node, port: nodePort, want: ["pod-b"], times: 12 },
      ],
    ),
    one(
      "P70 hints: one that is missing switches them off",
      [svc()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far"))],
      [{ ...asked, want: both }],
    ),
    one(
      "P70 hints: none for here switches them off",
      [svc()],
      [eps(at("pod-b", { zones: ["z2"] }), at("pod-far", { zones: ["z3"] }))],
      [{ ...asked, want: both }],
    ),
    one(
      "P70 hints: a node without a zone uses none",
      [svc()],
      [eps(at("pod-b", { zones: ["z1"] }), at("pod-far", { zones: ["z2"] }))],
      [{ ...asked, want: both }],
      { node: { zone: undefined } },
    ),
    {
      name: "P72 from the same node to the same zone to anywhere, as endpoints go",
      stages: [
        {
          services: [svc()],
          slices: [
            eps(
              at("pod-b", { nodes: ["node-a"], zones: ["z1"] }),
              at("pod-far", { nodes: ["node-b"], zones: ["z1"] }),
              at("pod-a", { node: "node-c", nodes: ["node-c"], zones: ["z2"] }),
            ),
          ],
          probes: [{ ...asked, want: ["pod-b"], times: 12 }],
        },
        {
          slices: [
            eps(
              at("pod-far", { nodes: ["node-b"], zones: ["z1"] }),
              at("pod-a", { node: "node-c", nodes: ["node-c"], zones: ["z2"] }),
            ),
          ],
          probes: [{ from: "node", to: a.clusterIp, want: ["pod-far"], times: 12 }],
        },
        {
          slices: [eps(at("pod-a", { node: "node-c", nodes: ["node-c"], zones: ["z2"] }))],
          probes: [{ from: "node", to: a.clusterIp, want: ["pod-a"] }],
        },
      ],
    },
    one(
      "P73 policy Local: Pods and the node reach what the hints leave",
      [balanced(externalLocal)],
      [eps(at("pod-b", { zones: ["z2"] }), at("pod-far", { zones: ["z1"] }))],
      [
        { from: "pod-a", to: a.balancer, want: ["pod-far"], times: 12 },
        { from: "node", to: a.node, port: nodePort, want: ["pod-far"], times: 12 },
        { from: "outside", to: a.balancer, want: ["pod-b"], times: 12 },
      ],
    ),
  ];
}
