/** The same Services over two nodes, forwarded by each data plane that this machine can run; ipvs: test/vm. */
import { skipReason } from "./harness.ts";
import { modeSuite } from "./mode-suite.ts";

const isRoot = process.getuid?.() === 0;
const modes: readonly (readonly [mode: string, skip: string | false])[] = [
  ["nftables", false],
  ["iptables", false],
  ["ebpf", !isRoot && "bpf(2) needs root of the machine"],
  ["userspace", false],
];

for (const [mode, skip] of modes) modeSuite(mode, { skip: skipReason || skip });
