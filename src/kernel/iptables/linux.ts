/** iptables through its programs: they alone know the kernel's layout of every match and target. */
import { spawn } from "node:child_process";
import { accessSync, constants, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IpFamily } from "../../net/ip.ts";
import { close, open } from "../ffi.ts";
import { netKind } from "../namespace.ts";
import { within } from "../netns.ts";
import { openNftables } from "../nftables/linux.ts";
import { type Iptables, IptablesError, type TableName } from "./port.ts";
import { findProgram, type Program, programEnv } from "./program.ts";

/** How long another program may hold the lock of legacy iptables. */
const lockWaitSec = 5;
const timeoutMs = 300_000;

/**
 * Opens iptables of the network namespace that the thread is in, for ever; the variant is the system's choice unless given.
 * Throws IptablesError where it cannot be used.
 */
export function openIptables(family: IpFamily, variant?: Program["variant"]): Iptables {
  const lockFile = lockFileOf();
  const program = findProgram(family, lockFile, variant);
  const home = open(netKind.own);
  const homeName = readlinkSync(netKind.own);
  const nftables = program.variant === "nft" ? openNftables() : undefined;
  // Going to another namespace needs rights that staying does not.
  const inside = <T>(body: () => T): T => (readlinkSync(netKind.own) === homeName ? body() : within(home, body));
  return {
    family,
    variant: program.variant,
    save: (table: TableName) => run(program.save, ["-t", table], "", { inside, lockFile }),
    saveCounted: (table: TableName) => run(program.save, ["-c", "-t", table], "", { inside, lockFile }),
    async restore(text) {
      const wait = program.variant === "legacy" ? ["-w", String(lockWaitSec)] : [];
      await run(program.restore, ["--noflush", ...wait], text, { inside, lockFile });
    },
    generation: () => nftables?.generation(),
    inside,
    close() {
      close(home);
      nftables?.close();
    },
  };
}

/** The lock that all programs of the machine share; where /run is not ours (a user namespace), nobody else is there to share with. */
function lockFileOf(): string {
  try {
    accessSync("/run", constants.W_OK);
    return "/run/xtables.lock";
  } catch {
    return join(tmpdir(), `fairlead-xtables-${process.getuid?.() ?? 0}.lock`);
  }
}

interface Place {
  readonly inside: Iptables["inside"];
  readonly lockFile: string;
}

function run(name: Program["save"], args: string[], input: string, { inside, lockFile }: Place): Promise<string> {
  const child = inside(() => spawn(name, args, { env: programEnv(lockFile), timeout: timeoutMs, stdio: "pipe" }));
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => output.push(data));
  child.stderr.on("data", (data: Buffer) => errors.push(data));
  // A program that refuses an early line closes its input; its exit code tells the rest.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new IptablesError(`Cannot run "${name}": ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(refusal(name, Buffer.concat(errors).toString(), { input, end: signal ?? `exit code ${code}` }));
    });
  });
}

/** What the program said, with the line that it means. */
export function refusal(name: string, stderr: string, { input, end }: { input: string; end: string }): IptablesError {
  const said = stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("Try `"));
  const number = said.map((line) => /line:? (\d+)/.exec(line)?.[1]).find((match) => match !== undefined);
  const line = number === undefined ? undefined : input.split("\n")[Number(number) - 1];
  const message = `${name} failed (${end}): ${said.join(" ").trim() || "it said nothing"}`;
  return new IptablesError(line === undefined ? message : `${message}: "${line}"`, line);
}
