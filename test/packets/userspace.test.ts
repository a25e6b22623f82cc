import { it } from "node:test";
import { createUserspaceDataPlane } from "../../src/proxy/backends/userspace/plane.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const reason = enterNode();
if (reason) it("packets through userspace", { skip: reason }, () => {});
else packetSuite("userspace", () => createUserspaceDataPlane({ reach: "network" }));
