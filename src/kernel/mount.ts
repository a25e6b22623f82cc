/** Mounts of the process's own mount namespace (mount(2), umount2(2)). */
import { readFileSync } from "node:fs";
import { hasCode, mount, unmount as unmountCall } from "./ffi.ts";

/** include/uapi/linux/mount.h */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_PRIVATE = 1 << 18;
const MNT_DETACH = 2;

/** Shows `source` (a file or folder) at `target`, which must exist and be of the same sort. */
export function bindMount(
  source: string,
  target: string,
  options: { recursive?: boolean; readOnly?: boolean } = {},
): void {
  const flags = MS_BIND | (options.recursive ? MS_REC : 0);
  mount(target, { source, flags, action: `mount "${source}" at "${target}"` });
  // A bind mount takes its restrictions in a second step only (mount(2), "Remounting an existing mount").
  if (options.readOnly)
    mount(target, { flags: MS_REMOUNT | MS_BIND | MS_RDONLY, action: `make "${target}" read-only` });
}

/** An empty file system in memory, without devices and set-user-ID programs; `size` e.g. "64m" (default: half of the memory). */
export function mountTmpfs(target: string, options: { mode?: number; size?: string } = {}): void {
  const { mode = 0o755, size } = options;
  const data = [`mode=${mode.toString(8)}`, ...(size ? [`size=${size}`] : [])].join(",");
  mount(target, { source: "tmpfs", type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data });
}

/** Keeps mounts and unmounts below `target` from other mount namespaces, and theirs from here. */
export function makePrivate(target: string): void {
  mount(target, { flags: MS_PRIVATE | MS_REC, action: `make the mounts below "${target}" private` });
}

/** Takes the mount away, at once for new openers even if it is in use; says whether there was one. */
export function detachMount(target: string): boolean {
  try {
    unmountCall(target, MNT_DETACH);
    return true;
  } catch (error) {
    if (hasCode(error, "EINVAL", "ENOENT")) return false;
    throw error;
  }
}

/** The mount points at or below `folder`, innermost last. */
export function mountsBelow(folder: string): string[] {
  const table = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return table
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""))
    .filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/** Takes away every mount at or below `folder`. */
export function detachMountsBelow(folder: string): void {
  for (const point of mountsBelow(folder).reverse()) detachMount(point);
}

/** Blanks and backslashes stand in mountinfo as three octal digits (proc_pid_mountinfo(5)). */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
