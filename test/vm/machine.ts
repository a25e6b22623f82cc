/** A small virtual machine under qemu's emulation: boots Debian's kernel, runs one command in the host's files (read-only) and ends. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildInitramfs, exitMark, upMark } from "./initramfs.ts";
import { fetchKernel, type Kernel, modulesInOrder } from "./kernel-package.ts";

const qemu = "qemu-system-x86_64";
const busyboxes = ["/bin/busybox", "/usr/bin/busybox"];
const tail = 60;
/** It takes four seconds on a free host. */
const bootTimeoutMs = 60_000;
const bootAttempts = 3;

/** What the machine's kernel gets, beside what it has built in. */
const modules = [
  ...["virtio_pci", "9pnet_virtio", "9p"],
  // libcrc32c asks for it by a name that no module says it needs.
  "crc32c_generic",
  ...["veth", "bridge", "br_netfilter", "dummy", "ipv6"],
  ...["nf_tables", "nft_ct", "nft_chain_nat", "nft_nat", "nft_masq", "nft_fib", "nft_fib_ipv4", "nft_fib_ipv6"],
  ...["nft_numgen", "nft_reject", "nft_reject_ipv4", "nft_reject_ipv6", "nft_hash", "nft_compat"],
  ...["nf_conntrack_netlink", "ip_vs"],
  ...["rr", "wrr", "lc", "wlc", "dh", "sh", "sed", "nq", "mh"].map((name) => `ip_vs_${name}`),
];

export interface Machine {
  readonly kernel: Kernel;
  readonly busybox: string;
}

/** The machine, or why there can be none here. */
export function findMachine(): Machine | string {
  if (spawnSync(qemu, ["--version"]).error) return "needs qemu (Debian package qemu-system-x86)";
  const busybox = busyboxes.find((path) => existsSync(path));
  if (!busybox) return "needs a static busybox (Debian package busybox-static)";
  const kernel = fetchKernel();
  return typeof kernel === "string" ? kernel : { kernel, busybox };
}

export interface Run {
  /** For the guest's shell. */
  readonly command: string;
  readonly timeoutMs: number;
  /** Default: enough for one process and its children. */
  readonly memoryMb?: number;
  /** Beside those that every command has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Each line of the console. */
  readonly onLine: (line: string) => void;
}

/** Resolves to the command's exit code; rejects with the console's last lines when the machine ended, or was ended, without one. */
export async function runInMachine({ kernel, busybox }: Machine, run: Run): Promise<number> {
  const { command, memoryMb = 1024 } = run;
  const folder = mkdtempSync(join(tmpdir(), "fairlead-vm-"));
  const initrd = join(folder, "initrd.gz");
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    TMPDIR: "/run/tmp",
    HOME: "/run",
    ...run.env,
  };
  try {
    writeFileSync(initrd, buildInitramfs({ busybox, modules: modulesInOrder(kernel, modules), command, env }));
    return await bootOrAgain(argumentsOf(kernel, initrd, memoryMb), run);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function argumentsOf({ image }: Kernel, initrd: string, memoryMb: number): string[] {
  const share = "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap";
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", String(memoryMb)],
    ...["-nographic", "-nodefaults", "-no-reboot", "-serial", "stdio"],
    ...["-kernel", image, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check"],
    ...["-virtfs", share],
  ];
}

/** On a busy host an emulated machine may hang before its first program (its clock was measured while nobody let it run). */
async function bootOrAgain(args: readonly string[], run: Run): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await boot(args, run);
    } catch (error) {
      if (!(error instanceof BootError) || attempt === bootAttempts) throw error;
    }
  }
}

class BootError extends Error {}

function boot(args: readonly string[], { timeoutMs, onLine }: Run): Promise<number> {
  const child = spawn(qemu, args, { stdio: ["ignore", "pipe", "pipe"] });
  let isUp = false;
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const bootTimer = setTimeout(() => isUp || child.kill("SIGKILL"), bootTimeoutMs);
  const onExit = () => child.kill("SIGKILL");
  process.once("exit", onExit);
  const last: string[] = [];
  let code: number | undefined;
  const take = (line: string) => {
    if (line.includes(upMark)) isUp = true;
    if (line.startsWith(exitMark)) code = Number(line.slice(exitMark.length));
    last.push(line);
    if (last.length > tail) last.shift();
    onLine(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => take(line.replace(/\r$/, "")));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (_status, signal) => {
      clearTimeout(timer);
      clearTimeout(bootTimer);
      process.removeListener("exit", onExit);
      if (code !== undefined) return resolve(code);
      const why = signal ? `was ended after ${isUp ? timeoutMs : bootTimeoutMs} ms` : "ended";
      const Failure = isUp ? Error : BootError;
      reject(new Failure(`The virtual machine ${why} before its command:\n${last.join("\n")}`));
    });
  });
}
