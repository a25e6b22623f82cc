/** What differs between the programs that run containers; records, logs, streams and ends are `shim-runtime.ts`'s. */

import type { ContainerRecord } from "./container-record.ts";
import type { ContainerSpec, ExecProcess } from "./container-runtime.ts";
import type { ExecPort } from "./exec.ts";

export interface StartPlace {
  /** Of this start: the shim's working directory. */
  readonly directory: string;
  readonly startedFile: string;
  readonly exitedFile: string;
  /** Whose pid namespace is to be entered; "node": there is no new one; absent: it gets its own. */
  readonly joinPid: number | "node" | undefined;
}

export interface Engine {
  /** The handler of RuntimeClasses, e.g. "crun"; containers' records name it. */
  readonly handler: string;
  /** The agent gives a container its terminal (the shim's first argument); else the shim gets one from elsewhere and holds it. */
  readonly givesTerminal: boolean;
  /** Writes the program `shim.sh`, which keeps to what `renderShimScript` says of the files, and all that it needs. */
  prepare(spec: ContainerSpec, place: StartPlace): Pick<ContainerRecord, "ownRoot">;
  openExec(
    record: ContainerRecord,
    argv: readonly string[],
    options: { readonly pid: number; readonly tty: boolean; readonly port: ExecPort },
  ): Promise<ExecProcess>;
  /** Takes away what it has made outside of the container's directory; the container has ended. May be called again. */
  release(record: ContainerRecord): Promise<void>;
}
