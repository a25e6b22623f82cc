/** Runs a file of tests in the virtual machine, and counts each of its tests as one of this process. */

import { join } from "node:path";
import { describe, it } from "node:test";
import { findMachine, runInMachine } from "./machine.ts";
import { type Result, resultMark } from "./reporter.ts";

/** Several times what the whole suite takes on a free machine. */
const timeoutMs = 280_000;

/** `file` stands beside this one, e.g. "guest/ipvs-kernel.ts". */
export async function guestSuite(name: string, file: string): Promise<void> {
  const machine = findMachine();
  if (typeof machine === "string") {
    it(`${name} in a virtual machine`, { skip: machine }, () => {});
    return;
  }
  const results: Result[] = [];
  const others: string[] = [];
  const failure = await runInMachine(machine, {
    command: commandFor(file),
    timeoutMs,
    onLine(line) {
      if (line.startsWith(resultMark)) results.push(JSON.parse(line.slice(resultMark.length)));
      else if (line.trim()) others.push(line);
    },
  }).then(
    (code) => (code === 0 || results.some((result) => result.failure) ? undefined : `its command ended with ${code}`),
    (error: Error) => error.message,
  );
  describe(`${name}, in a virtual machine`, () => {
    for (const result of results.filter(({ isSuite }) => !isSuite)) register(result);
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

function commandFor(file: string): string {
  const quote = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;
  const path = (name: string) => quote(join(import.meta.dirname, name));
  return `cd ${path("../..")} && ${quote(process.execPath)} --test-reporter=${path("reporter.ts")} ${path(file)}`;
}
