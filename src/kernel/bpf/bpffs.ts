/** The file system whose files keep maps and links alive without a process. */
import { statfsSync } from "node:fs";
import { mount } from "../ffi.ts";
import { BPF_FS_MAGIC } from "./constants.ts";

/** Where every distribution has it. */
export const bpffsPath = "/sys/fs/bpf";

export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/** Mounts one unless it is there. The path must exist. */
export function ensureBpffs(path = bpffsPath): void {
  if (!isBpffs(path)) mount(path, { source: "bpf", type: "bpf", data: "mode=0700" });
}
