/** The first file system of the machine: busybox, modules, and a script that enters the host's files and runs one command there. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type ArchiveFile, writeCpio } from "./cpio.ts";
import type { Module } from "./kernel-package.ts";

export interface Guest {
  readonly busybox: string;
  readonly modules: readonly Module[];
  /** A line for the shell, run in the host's files, which are read-only there. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Printed by the first program. */
export const upMark = "@@up";
/** Stands before the exit code of the command, at the start of a line. */
export const exitMark = "@@exit ";

export function buildInitramfs({ busybox, modules, command, env }: Guest): Buffer {
  const folder = (name: string): ArchiveFile => ({ name, mode: 0o040755 });
  const names = modules.map((_, index) => `modules/${String(index).padStart(3, "0")}.ko`);
  const files: ArchiveFile[] = [
    ...["bin", "dev", "proc", "sys", "host", "modules"].map(folder),
    { name: "bin/busybox", mode: 0o100755, content: readFileSync(busybox) },
    ...modules.map(({ content }, index): ArchiveFile => ({ name: names[index] ?? "", mode: 0o100644, content })),
    { name: "init", mode: 0o100755, content: initScript(names) },
    { name: "last", mode: 0o100755, content: lastScript(busybox) },
    { name: "command", mode: 0o100755, content: commandScript(command, env) },
  ];
  return gzipSync(writeCpio(files), { level: 1 });
}

/** The host's /run is covered by a file system in memory: the only place that the command can write to. */
function initScript(modules: readonly string[]): string {
  return `#!/bin/busybox sh
b=/bin/busybox
echo "${upMark}"
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
${modules.map((path) => `$b insmod /${path} || echo "cannot load ${path}"`).join("\n")}
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host || echo "cannot mount the host's files"
$b mkdir -p /dev/pts /dev/shm
for place in proc sys dev; do $b mount -o bind /$place /host/$place; done
$b mount -t devpts devpts /host/dev/pts
$b mount -t tmpfs shm /host/dev/shm
$b mount -t cgroup2 cgroup2 /host/sys/fs/cgroup
$b mount -t tmpfs tmpfs /host/run
$b mkdir -p /host/run/tmp
$b cp /command /last /host/run/
$b sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
$b ip link set lo up
exec $b switch_root /host /bin/sh /run/last
`;
}

/** The first program from now on; the host's files are the root of every mount namespace (of a chroot they would not be). */
function lastScript(busybox: string): string {
  return `#!/bin/sh
/bin/sh /run/command
code=$?
echo
echo "${exitMark}$code"
${busybox} poweroff -f
`;
}

function commandScript(command: string, env: Readonly<Record<string, string>>): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`);
  return ["#!/bin/sh", ...exports, command, ""].join("\n");
}
