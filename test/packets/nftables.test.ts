import { it } from "node:test";
import { createNftablesDataPlane } from "../../src/proxy/backends/nftables/plane.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const reason = enterNode();
if (reason) it("packets through nftables", { skip: reason }, () => {});
else packetSuite("nftables", () => createNftablesDataPlane());
