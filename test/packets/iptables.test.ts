import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { createIptablesDataPlane } from "../../src/proxy/backends/iptables/plane.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const missing = spawnSync("iptables-restore", ["--version"]).error ? "needs the package iptables" : undefined;
const reason = missing ?? enterNode();
if (reason) it("packets through iptables", { skip: reason }, () => {});
else packetSuite("iptables", () => createIptablesDataPlane());
