import type { Options } from "./options.ts";

/** One command of the program; `main.ts` holds the table. */
export interface Command {
  /** As typed after "fairlead <name>", e.g. "[--node NAME | --outside] [-- CMD...]". */
  readonly usage: string;
  readonly summary: string;
  readonly options: Options;
  /** Examples for `--help`: command line and what it does. */
  readonly examples?: readonly (readonly [string, string])[];
  /** Not listed by `fairlead help`: started by other commands only. */
  readonly hidden?: boolean;
  /** Resolves with the exit code. */
  run(args: readonly string[]): Promise<number>;
}
