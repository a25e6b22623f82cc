/** Builds the state from the files of a directory. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../lib/log.ts";
import { fileName, formatVersion, listFiles } from "./files.ts";
import type { FileRecord } from "./frame.ts";
import { History, type HistoryLimits, originRevision } from "./history.ts";
import { removeBefore } from "./journal.ts";
import { OrderedIndex } from "./ordered-index.ts";
import { BadFrameError, readFrames } from "./read-frames.ts";
import { readSnapshot } from "./snapshot.ts";
import { StoreCorruptError, type WatchEvent } from "./store.ts";

export interface Recovered {
  readonly index: OrderedIndex;
  readonly history: History;
  readonly revision: number;
  /** The log to go on with, and the length of its whole frames (0: to be created). */
  readonly generation: number;
  readonly size: number;
  /** Of all logs since the snapshot: more than one where a snapshot failed, or the process ended before it was there. */
  readonly logBytes: number;
}

/** The event that a put or delete on `index` is; the index is changed. */
export function applyChange(index: OrderedIndex, change: Pick<WatchEvent, "type" | "entry">): WatchEvent {
  const { type, entry } = change;
  if (type === "put") return { type, entry, previous: index.set(entry) };
  const previous = index.delete(entry.key);
  if (previous) return { type, entry, previous };
  throw new StoreCorruptError(`Cannot delete "${entry.key}" at revision ${entry.revision}: it is not there`);
}

/** Loads the newest snapshot and the logs after it; a torn last frame is left out, with a log line. Throws StoreCorruptError. */
export async function recover(dir: string, limits: HistoryLimits, log: Log): Promise<Recovered> {
  await removeTemporary(dir);
  const files = await listFiles(dir);
  const newest = files.snapshot.at(-1);
  if (newest !== undefined) await removeBefore(dir, newest);
  const logs = files.log.filter((generation) => generation >= (newest ?? 1));
  checkSequence(dir, logs, newest ?? 1, newest !== undefined);
  try {
    const index = new OrderedIndex();
    const start = newest === undefined ? originRevision : await readSnapshot(dir, newest, (entry) => index.set(entry));
    return await replay(dir, logs, { index, history: new History(limits, start), revision: start }, log);
  } catch (error) {
    if (!(error instanceof BadFrameError)) throw error;
    throw new StoreCorruptError(`${error.message}, not torn by a crash: restore the directory from a copy`, {
      cause: error,
    });
  }
}

type State = Pick<Recovered, "index" | "history" | "revision">;

async function replay(dir: string, logs: readonly number[], state: State, log: Log): Promise<Recovered> {
  let { revision } = state;
  let [size, logBytes] = [0, 0];
  for (const [i, generation] of logs.entries()) {
    const next = logs[i + 1];
    // What a log holds beyond the start of the next one was never acknowledged.
    const until = next === undefined ? Number.POSITIVE_INFINITY : await startOf(fileName(dir, "log", next));
    const read = await replayLog(fileName(dir, "log", generation), { ...state, revision }, until, log);
    revision = read.revision;
    size = read.size;
    logBytes += size;
    if (next !== undefined && revision !== until) {
      throw new StoreCorruptError(
        `Cannot read "${fileName(dir, "log", generation)}": it ends at revision ${revision}, must reach ${until}`,
      );
    }
  }
  return { ...state, revision, generation: logs.at(-1) ?? 1, size, logBytes };
}

async function replayLog(
  path: string,
  state: State,
  until: number,
  log: Log,
): Promise<{ revision: number; size: number }> {
  let { revision } = state;
  let size = 0;
  try {
    for await (const { records, end } of readFrames(path)) {
      for (const record of records) {
        revision = applyRecord(path, record, { ...state, revision });
      }
      size = end;
      // The next log begins at the end of a group, so of a frame.
      if (revision === until) break;
    }
  } catch (error) {
    if (!(error instanceof BadFrameError && error.torn && until === Number.POSITIVE_INFINITY)) throw error;
    if (error.offset === 0) throw error;
    log.warn("store dropped a write that a crash cut short; nobody was told that it was done", {
      file: path,
      offset: error.offset,
    });
  }
  return { revision, size };
}

/** The revision after `record`, which must be the next one (or the head, with the current one). */
function applyRecord(path: string, record: FileRecord, state: State): number {
  const expected = record.kind === "head" ? state.revision : state.revision + 1;
  const known = record.kind !== "head" || record.key === String(formatVersion);
  if (record.revision !== expected || record.kind === "end" || !known) {
    throw new StoreCorruptError(
      `Cannot read "${path}": found a ${record.kind} record "${record.key}" of revision ${record.revision}, must be revision ${expected} of format ${formatVersion}`,
    );
  }
  if (record.kind === "head") return record.revision;
  const { kind, key, value, revision } = record;
  state.history.push(applyChange(state.index, { type: kind, entry: { key, value, revision } }));
  return revision;
}

async function startOf(path: string): Promise<number> {
  for await (const { records } of readFrames(path)) {
    const head = records[0];
    if (head?.kind === "head") return head.revision;
    break;
  }
  throw new StoreCorruptError(`Cannot read "${path}": it has no head record`);
}

function checkSequence(dir: string, logs: readonly number[], first: number, required: boolean): void {
  if (logs.length === 0 && !required) return;
  const gap = logs.findIndex((generation, i) => generation !== first + i);
  if (gap < 0 && logs.length > 0) return;
  const missing = gap < 0 ? first : first + gap;
  throw new StoreCorruptError(`Cannot read "${dir}": "${fileName(dir, "log", missing)}" is missing`);
}

async function removeTemporary(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (/^(log|snapshot)\.\d{8}\.tmp$/.test(name)) await rm(join(dir, name));
  }
}
