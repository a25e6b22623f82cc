import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { openIptables } from "../../src/kernel/iptables/linux.ts";
import { createIptablesDataPlane } from "../../src/proxy/backends/iptables/plane.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const missing = spawnSync("iptables-legacy-restore", ["--version"]).error ? "needs the package iptables" : undefined;
const reason = missing ?? enterNode();
if (reason) it("packets through legacy iptables", { skip: reason }, () => {});
else {
  const open = () => createIptablesDataPlane({ open: (family) => openIptables(family, "legacy") });
  packetSuite("legacy iptables", open);
}
