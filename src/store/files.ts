/** Names of the store's files, and durable creation, removal and renaming. */
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { encodeFrame, type FileRecord } from "./frame.ts";

export const formatVersion = 1;
const syncStepBytes = 8 * 1024 * 1024;
type FileType = "log" | "snapshot";

/** e.g. "<dir>/log.00000003": the changes after the state in snapshot.00000003. */
export function fileName(dir: string, type: FileType, generation: number): string {
  return join(dir, `${type}.${String(generation).padStart(8, "0")}`);
}

/** Generations of the files that are there, ascending. */
export async function listFiles(dir: string): Promise<Record<FileType, number[]>> {
  const found: Record<FileType, number[]> = { log: [], snapshot: [] };
  for (const name of await readdir(dir)) {
    const match = /^(log|snapshot)\.(\d{8})$/.exec(name);
    if (match) found[match[1] as FileType].push(Number(match[2]));
  }
  found.log.sort((a, b) => a - b);
  found.snapshot.sort((a, b) => a - b);
  return found;
}

/** Makes names in `dir` durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Appends all bytes, also when the kernel takes them in pieces. */
export async function writeAll(file: FileHandle, buffers: readonly Buffer[], position: number): Promise<void> {
  let rest = [...buffers];
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    rest = skipBytes(rest, bytesWritten);
  }
}

function skipBytes(buffers: Buffer[], count: number): Buffer[] {
  let left = count;
  let i = 0;
  for (let buffer = buffers[i]; buffer && left >= buffer.length; buffer = buffers[++i]) left -= buffer.length;
  const first = buffers[i];
  return first ? [first.subarray(left), ...buffers.slice(i + 1)] : [];
}

/** Writes frames to a temporary file, syncs it and gives it its name: after a crash the file is whole or not there. */
export async function createDurably(
  path: string,
  dir: string,
  frames: Iterable<readonly FileRecord[]>,
): Promise<number> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o600);
    let size = 0;
    let synced = 0;
    try {
      for (const records of frames) {
        const { buffers, bytes } = encodeFrame(records);
        await writeAll(file, buffers, size);
        size += bytes;
        // In steps, so that the log's own syncs never wait for one big one.
        if (size - synced < syncStepBytes) continue;
        await file.datasync();
        synced = size;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dir);
    return size;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The first record of each file: its revision is that of the state which the file starts from. */
export function headRecord(revision: number): FileRecord {
  return { kind: "head", revision, key: String(formatVersion), value: Buffer.alloc(0) };
}
