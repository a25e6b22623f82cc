/** A snapshot: head, entries, end. Written beside the running store; read at recovery. */
import { createDurably, fileName, headRecord } from "./files.ts";
import type { FileRecord } from "./frame.ts";
import { readFrames } from "./read-frames.ts";
import { type Entry, StoreCorruptError } from "./store.ts";

const frameBytes = 1024 * 1024;

function* framesOf(entries: readonly Entry[], revision: number): Generator<FileRecord[]> {
  yield [headRecord(revision)];
  let frame: FileRecord[] = [];
  let bytes = 0;
  for (const { key, value, revision: changed } of entries) {
    frame.push({ kind: "put", revision: changed, key, value });
    bytes += value.length;
    if (bytes < frameBytes) continue;
    yield frame;
    frame = [];
    bytes = 0;
  }
  yield [...frame, { kind: "end", revision, key: String(entries.length), value: Buffer.alloc(0) }];
}

/** `entries`: the state at `revision`, in key order. Durable and complete when it resolves, absent when it rejects. */
export async function writeSnapshot(
  dir: string,
  generation: number,
  { entries, revision }: { entries: readonly Entry[]; revision: number },
): Promise<void> {
  await createDurably(fileName(dir, "snapshot", generation), dir, framesOf(entries, revision));
}

/** Calls `onEntry` for each entry, in key order, and resolves with the snapshot's revision. */
export async function readSnapshot(dir: string, generation: number, onEntry: (entry: Entry) => void): Promise<number> {
  const path = fileName(dir, "snapshot", generation);
  let count = 0;
  for await (const { records } of readFrames(path)) {
    for (const { kind, key, value, revision } of records) {
      if (kind === "end" && Number(key) === count) return revision;
      if (kind !== "put") continue;
      onEntry({ key, value, revision });
      count++;
    }
  }
  throw new StoreCorruptError(`Cannot read "${path}": it ends after ${count} entries, must end with its end record`);
}
