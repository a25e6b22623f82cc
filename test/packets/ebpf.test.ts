import { it } from "node:test";
import { createEbpfDataPlane, probeEbpf } from "../../src/proxy/backends/ebpf/plane.ts";
import { mountOwnBpffs, namespacesOfChildren } from "./ebpf-node.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const support = probeEbpf();
const reason = support.ok ? enterNode() : support.reason;
if (reason) it("packets through ebpf", { skip: reason }, () => {});
else {
  const bpffs = mountOwnBpffs();
  // The lab's Pods of this node; the one that is elsewhere and the outside are none of its clients.
  const open = () => createEbpfDataPlane({ bpffs, namespaces: () => namespacesOfChildren("10.244.0.") });
  packetSuite("ebpf", open);
}
