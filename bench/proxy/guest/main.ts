/** Runs in the virtual machine: IPVS, and nftables beside it, at the sizes of argv. Prints a marked line of JSON for each. */
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { measureForwarding } from "../forwarding.ts";
import { createNode, startPods } from "../network.ts";
import { resultMark } from "./result.ts";

const server = await startPods();
for (const size of process.argv.slice(2).map(Number)) {
  for (const mode of ["nftables", "ipvs"]) {
    const node = createNode();
    const words = [process.execPath, join(import.meta.dirname, "plane.ts"), mode, String(size), node.address];
    const child = node.spawn(words, "inherit");
    if (!child.stdout) throw new Error("The data plane has no output");
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const forwarding = measureForwarding(node, size, [server, child.pid ?? 0]);
    console.log(resultMark + JSON.stringify({ mode, size, ...JSON.parse(line), ...forwarding }));
    child.kill();
    await once(child, "exit");
    node.remove();
  }
}
process.exit();
