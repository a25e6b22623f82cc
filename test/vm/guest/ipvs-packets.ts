/** Runs in the virtual machine: the packet table through IPVS; the pattern in the environment says which part of it. */
import { it } from "node:test";
import { createIpvsDataPlane } from "../../../src/proxy/backends/ipvs/plane.ts";
import { enterNode } from "../../packets/lab.ts";
import { packetSuite } from "../../packets/suite.ts";

const reason = enterNode();
if (reason) it("packets through ipvs", { skip: reason }, () => {});
else packetSuite("ipvs", () => createIpvsDataPlane(), { only: new RegExp(process.env.FAIRLEAD_TEST_ONLY ?? "") });
