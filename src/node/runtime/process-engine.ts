/** The default: containers as processes of this machine in namespaces of their own, which a script of sh has set up. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroups } from "../cgroups/cgroups.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerSpec } from "./container-runtime.ts";
import type { Engine, StartPlace } from "./engine.ts";
import { openExec } from "./exec.ts";
import { machineFiles } from "./file-view.ts";
import { planRoot } from "./root-plan.ts";
import { renderSetupScript, renderShimScript } from "./setup-script.ts";

export const processHandler = "process";

/** Where its root is made, in its own mount namespace. */
const rootOf = (directory: string): string => join(directory, "root");

/** `cgroups` absent: limits are not enforced. */
export function createProcessEngine(cgroups: Cgroups | undefined): Engine {
  const prepare = (spec: ContainerSpec, { directory, startedFile, exitedFile, joinPid }: StartPlace) => {
    const { input, tty } = spec;
    const { steps, root } = planRoot(spec.root, { ...spec, directory: rootOf(directory), view: machineFiles });
    const own = spec.limits && cgroups?.create(spec.id, spec.limits);
    const setup = renderSetupScript(spec, steps, { directory, startedFile, root, cgroups: own });
    writeFileSync(join(directory, "setup.sh"), setup);
    writeFileSync(join(directory, "shim.sh"), renderShimScript({ exitedFile, input, tty, joinPid }));
    return { ownRoot: root !== undefined };
  };
  return {
    handler: processHandler,
    givesTerminal: true,
    prepare,
    async openExec(record: ContainerRecord, argv, { pid, tty, port }) {
      const root = record.ownRoot ? rootOf(record.directory) : undefined;
      const own = record.limits && cgroups?.procs(record.id);
      return openExec({ ...record, root, cgroups: own, pid }, argv, { tty, port });
    },
    async release({ id, limits }) {
      if (limits) cgroups?.remove(id);
    },
  };
}
