import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, signalProcess } from "../../kernel/processes.ts";
import type { Command } from "../command.ts";
import { dataDirOf, readState, removeData } from "../data-dir.ts";
import { CliError } from "../errors.ts";
import { removeContext } from "../kubeconfig-file.ts";
import { parseOptions } from "../options.ts";
import { removeMachineRemains } from "../supervisor/machine-runtime.ts";

const options = {
  data: { type: "string", value: "DIR", help: "data folder of the cluster (default as for up)" },
  "keep-data": { type: "boolean", help: "keep the objects and certificates for the next up" },
} as const;

const stopTimeoutMs = 15_000;

async function ended(alive: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < stopTimeoutMs && alive(); waited += 20) await sleep(20);
  return !alive();
}

export const command: Command = {
  usage: "[--data DIR] [--keep-data]",
  summary: "Stop a cluster and remove everything it made",
  options,
  async run(args) {
    const { values } = parseOptions(args, options);
    const dataDir = dataDirOf(values.data);
    const state = readState(dataDir);
    if (!state) {
      process.stderr.write(`No cluster has the data folder "${dataDir}": nothing to do.\n`);
      return 0;
    }
    const running = isAlive(state.supervisor);
    if (running) {
      signalProcess(state.supervisor, "SIGTERM");
      if (!(await ended(() => isAlive(state.supervisor)))) {
        // Its namespaces end with it, so nothing is left behind either way.
        signalProcess(state.supervisor, "SIGKILL");
        if (!(await ended(() => isAlive(state.supervisor) || isAlive(state.holder)))) {
          throw new CliError(
            `The cluster's process ${state.supervisor.pid} does not end: see whether it hangs in the kernel.`,
          );
        }
      }
    }
    // The supervisor has done it, unless it was killed.
    await removeMachineRemains(state.config).catch((error: Error) => {
      throw new CliError(
        `containerd keeps Pods of the cluster (${error.message}): run "fairlead down" again when it answers.`,
      );
    });
    removeContext(state.kubeconfig.path, state.kubeconfig.context);
    removeData(dataDir, values["keep-data"] !== true);
    process.stderr.write(
      running
        ? "The cluster is stopped and what it made is removed.\n"
        : "The cluster had ended; what it left is removed.\n",
    );
    return 0;
  },
};
