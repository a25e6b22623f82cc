/** Which of the machine's iptables programs to use. */
import { spawnSync } from "node:child_process";
import type { IpFamily } from "../../net/ip.ts";
import { IptablesError } from "./port.ts";

export interface Program {
  readonly restore: string;
  readonly save: string;
  readonly variant: "nft" | "legacy";
}

const stems = { IPv4: "iptables", IPv6: "ip6tables" } as const;
const timeoutMs = 10_000;

/** An ordinary user's PATH often lacks the folders of administration. */
export function programEnv(lockFile: string): NodeJS.ProcessEnv {
  const { PATH: path = "" } = process.env;
  return { PATH: `${path}:/usr/sbin:/sbin`, LC_ALL: "C", XTABLES_LOCKFILE: lockFile };
}

/**
 * The system's own choice (Debian: update-alternatives) if it works with this kernel, else the other variant. Call it in the
 * network namespace in question.
 */
export function findProgram(family: IpFamily, lockFile: string, variant?: Program["variant"]): Program {
  const stem = stems[family];
  const faults: string[] = [];
  for (const suffix of variant ? [`-${variant}`] : ["", "-nft", "-legacy"]) {
    const program = probe(`${stem}${suffix}`, lockFile, faults);
    if (program) return program;
  }
  if (faults.length === 0) {
    throw new IptablesError(`Cannot find the program "${stem}-restore": install the package "iptables"`);
  }
  throw new IptablesError(`Cannot use ${stem} on this kernel: ${faults.join("; ")}`);
}

function probe(name: string, lockFile: string, faults: string[]): Program | undefined {
  const run = (program: string, args: string[], stdout: "pipe" | "ignore") =>
    spawnSync(program, args, {
      encoding: "utf8",
      timeout: timeoutMs,
      env: programEnv(lockFile),
      stdio: ["ignore", stdout, "pipe"],
    });
  const version = run(`${name}-restore`, ["--version"], "pipe");
  if (version.error) return undefined;
  // Its output may be large and is of no interest here.
  const listed = run(`${name}-save`, ["-t", "nat"], "ignore");
  if (listed.status !== 0) {
    faults.push(`${name}: ${listed.error?.message ?? listed.stderr.trim().split("\n")[0]}`);
    return undefined;
  }
  const variant = version.stdout.includes("nf_tables") ? "nft" : "legacy";
  return { restore: `${name}-restore`, save: `${name}-save`, variant };
}
