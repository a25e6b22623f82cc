/** What a row of the matrix is: one use of kubectl, and how one sees that it worked. */
import assert from "node:assert/strict";
import type { Kubectl, Run } from "../run-kubectl.ts";

export interface Session extends Pick<Kubectl, "run" | "ok" | "dir"> {
  /** Of kubectl, e.g. 33. */
  readonly minor: number;
  /** As ok(), with arguments that may hold spaces. */
  does(args: readonly string[], options?: Parameters<Kubectl["run"]>[1]): Promise<string>;
  /** Of a command that must fail: what it says. */
  fails(args: string, options?: Parameters<Kubectl["run"]>[1]): Promise<string>;
}

export interface Command {
  readonly name: string;
  /** The first minor version of kubectl that can do it. */
  readonly since?: number;
  readonly run: (session: Session) => Promise<void>;
}

export function sessionOf({ run, ok, dir }: Kubectl, version: string): Session {
  const expect = async (
    args: readonly string[],
    options: Parameters<Kubectl["run"]>[1],
    good: boolean,
  ): Promise<Run> => {
    const done = await run(args, options);
    assert.equal(done.code === 0, good, `kubectl ${args.join(" ")} ended with ${done.code}: ${done.err}${done.out}`);
    return done;
  };
  return {
    run,
    ok,
    dir,
    minor: Number(version.split(".")[1]),
    does: async (args, options) => (await expect(args, options, true)).out,
    fails: async (args, options) => (await expect(args.split(" "), options, false)).err.trim(),
  };
}
