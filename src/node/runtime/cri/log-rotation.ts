/** Logs that containerd writes grow until somebody moves them. */
import { renameSync, statSync } from "node:fs";
import { rotateAtBytes } from "../../logs/log-file.ts";

export async function rotateLog(path: string, reopen: () => Promise<unknown>): Promise<void> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < rotateAtBytes) return;
  renameSync(path, `${path}.1`);
  await reopen();
}
