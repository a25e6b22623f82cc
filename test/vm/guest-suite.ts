/** Runs files of tests in one virtual machine, and counts each of their tests as one of this process. */

import { join } from "node:path";
import { describe, it } from "node:test";
import { findMachine, runInMachine } from "./machine.ts";
import { type Result, resultMark } from "./reporter.ts";

/** Several times what a suite takes on a free machine; scripts/test.ts gives these files a little more. */
const timeoutMs = 1_140_000;
/** An answer may take so many times longer than on the host. */
const patience = 8;
/** Where the host has none on its path. */
const { KUBECTL } = process.env;

export interface GuestOptions {
  /** Of the packet table the tests with such names: a pattern. */
  readonly only?: string;
  readonly memoryMb?: number;
}

/** The files stand beside this one, e.g. "guest/ipvs-kernel.ts". */
export async function guestSuite(
  name: string,
  files: readonly string[],
  { only = "", memoryMb }: GuestOptions = {},
): Promise<void> {
  const machine = findMachine();
  if (typeof machine === "string") {
    it(`${name} in a virtual machine`, { skip: machine }, () => {});
    return;
  }
  const results: Result[] = [];
  const others: string[] = [];
  let ofFile = 0;
  const failure = await runInMachine(machine, {
    command: commandFor(files),
    env: { FAIRLEAD_TEST_ONLY: only, FAIRLEAD_TEST_PATIENCE: String(patience), ...(KUBECTL ? { KUBECTL } : {}) },
    timeoutMs,
    ...(memoryMb ? { memoryMb } : {}),
    onLine(line) {
      if (line === marks.file) ofFile = results.length;
      else if (line === marks.again) results.length = ofFile;
      else if (line.startsWith(resultMark)) results.push(JSON.parse(line.slice(resultMark.length)));
      else if (line.trim()) others.push(line);
    },
  }).then(
    (code) => (code === 0 || results.some((result) => result.failure) ? undefined : `its command ended with ${code}`),
    (error: Error) => error.message,
  );
  describe(`${name}, in a virtual machine`, () => {
    // A suite counts where it failed before its tests.
    for (const result of results.filter(({ isSuite, failure }) => !isSuite || failure)) register(result);
    if (failure !== undefined || results.length === 0) {
      it("runs to its end", () => {
        throw new Error(`${failure ?? "no test ran"}\n${others.slice(-40).join("\n")}`);
      });
    }
  });
}

function register({ name, durationMs, failure, skipped }: Result): void {
  it(`${name} (${Math.round(durationMs)} ms in the guest)`, { skip: skipped ?? false }, () => {
    if (failure !== undefined) throw new Error(failure);
  });
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const marks = { file: "@@file", again: "@@again" } as const;
/** From here on a shell's exit code is 128 and the number of the signal that ended the program: SIGSEGV, SIGTRAP of V8. */
const firstSignalExitCode = 128;

/**
 * One after the other; the exit code tells of any that failed. Now and then Node.js crashes under emulation (it never has
 * on the host; once it did so twice in 15 s): such a file is run again, up to four times in all.
 */
function commandFor(files: readonly string[]): string {
  const path = (name: string) => quote(join(import.meta.dirname, name));
  const node = `${quote(process.execPath)} --test-reporter=${path("reporter.ts")}`;
  return [
    `cd ${path("../..")} && code=0`,
    ...files.flatMap((file) => [
      `echo ${marks.file}`,
      `for run in 1 2 3 4; do ${node} ${path(file)}; status=$?`,
      `[ $status -lt ${firstSignalExitCode} ] && break; echo ${marks.again}; done`,
      "[ $status = 0 ] || code=1",
    ]),
    "exit $code",
  ].join("\n");
}
