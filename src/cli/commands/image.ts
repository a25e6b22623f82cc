import { existsSync } from "node:fs";
import type { Command } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";

/** The names that every node can run. */
const builtIn: readonly (readonly [string, string])[] = [
  ["fairlead/echo", "answers with its Pod's name over HTTP, TCP and UDP"],
  ["busybox", existsSync("/bin/busybox") ? "Debian's busybox-static" : "not on this machine: install busybox-static"],
  ["host", "runs a program of this machine"],
  ["fairlead", "fairlead itself"],
];

export const command: Command = {
  usage: "list",
  summary: "Show the images that Pods can run",
  options: {},
  async run([action, ...rest]) {
    if (action === "list" && rest.length === 0) {
      process.stdout.write(`${builtIn.map(([name, what]) => `${name.padEnd(16)}${what}`).join("\n")}\n`);
      return 0;
    }
    if (action === "load" || action === "rm") {
      throw new CliError(
        `"fairlead image ${action}" is not there yet: Pods run the built-in images, see "fairlead image list".`,
      );
    }
    throw new UsageError(`Unknown action "${action ?? ""}" of image: list, load or rm`);
  },
};
