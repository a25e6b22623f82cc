/** Debian's own kernel, downloaded and unpacked once into the cache folder; nothing is installed. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

export interface Kernel {
  /** The bootable file. */
  readonly image: string;
  /** Folder of the modules, e.g. ".../lib/modules/6.1.0-56-amd64". */
  readonly modules: string;
}

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "fairlead-test");
/** The flavour that has 9p: the cloud kernel has none. */
const metaPackage = "linux-image-amd64";

/** The kernel, or why there is none here, in one sentence. */
export function fetchKernel(): Kernel | string {
  if (process.arch !== "x64") return "the virtual machine's tests know only the kernel of amd64";
  for (const program of ["apt-get", "dpkg-deb"]) {
    if (spawnSync(program, ["--version"]).error) return `the virtual machine needs Debian's program ${program}`;
  }
  const name = packageName();
  if (!name) return unpacked(join(cache, "kernel-any")) ?? newestCached() ?? "apt knows no package linux-image-amd64";
  const folder = join(cache, name);
  return unpacked(folder) ?? download(name, folder);
}

/** e.g. "linux-image-6.1.0-56-amd64": the package that the meta package depends on. */
function packageName(): string | undefined {
  const { stdout } = spawnSync("apt-cache", ["depends", metaPackage], { encoding: "utf8" });
  return /Depends: (linux-image-\S+)/.exec(stdout ?? "")?.[1];
}

function newestCached(): Kernel | undefined {
  const folders = globSync(join(cache, "linux-image-*")).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return folders.map(unpacked).find((kernel) => kernel !== undefined);
}

function unpacked(folder: string): Kernel | undefined {
  const [image] = globSync(join(folder, "boot/vmlinuz-*"));
  const [modules] = [...globSync(join(folder, "lib/modules/*")), ...globSync(join(folder, "usr/lib/modules/*"))];
  return image && modules ? { image, modules } : undefined;
}

function download(name: string, folder: string): Kernel | string {
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const options = { cwd: partial, encoding: "utf8", timeout: 120_000 } as const;
    const got = spawnSync("apt-get", ["download", "-qq", name], options);
    const [deb] = globSync("*.deb", { cwd: partial });
    if (!deb) return `apt-get cannot download ${name}: ${got.stderr.trim().split("\n").at(-1) ?? ""}`;
    const { status, stderr } = spawnSync("dpkg-deb", ["-x", deb, "."], options);
    if (status !== 0) return `dpkg-deb cannot unpack ${deb}: ${stderr.trim()}`;
    rmSync(join(partial, deb));
    if (!existsSync(folder)) renameSync(partial, folder);
    return unpacked(folder) ?? `the package ${name} has no kernel`;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

export interface Module {
  /** e.g. "ip_vs". */
  readonly name: string;
  readonly content: Buffer;
}

/** The modules and those that they need, each behind all it needs; names that the kernel has built in, or lacks, are left out. */
export function modulesInOrder(kernel: Kernel, names: readonly string[]): readonly Module[] {
  const paths = new Map(
    globSync("kernel/**/*.ko{,.xz}", { cwd: kernel.modules }).map((path) => [
      moduleName(path),
      join(kernel.modules, path),
    ]),
  );
  const ordered = new Map<string, Module>();
  const add = (name: string): void => {
    const path = paths.get(name);
    if (path === undefined || ordered.has(name)) return;
    const content = readModule(path);
    for (const needed of needsOf(content)) add(needed);
    ordered.set(name, { name, content });
  };
  for (const name of names) add(name);
  return [...ordered.values()];
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.xz)?$/, "")
    .replaceAll("-", "_");
}

function readModule(path: string): Buffer {
  if (!path.endsWith(".xz")) return readFileSync(path);
  return spawnSync("xz", ["-dc", path], { maxBuffer: 1 << 28 }).stdout;
}

/** The section ".modinfo" holds texts that end with a zero byte, among them "depends=nf_conntrack,libcrc32c". */
function needsOf(content: Buffer): string[] {
  const at = content.indexOf("\0depends=", 0, "latin1");
  if (at === -1) return [];
  const start = at + "\0depends=".length;
  return content.toString("latin1", start, content.indexOf(0, start)).split(",").filter(Boolean).map(moduleName);
}
