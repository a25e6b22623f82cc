/** Opens the embedded store of a directory, or one that lives in memory only. */
import { mkdir } from "node:fs/promises";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createLog, type Log } from "../lib/log.ts";
import { lockDirectory } from "./directory-lock.ts";
import { EmbeddedStore } from "./embedded-store.ts";
import { History, type HistoryLimits, originRevision } from "./history.ts";
import { FileJournal, type Journal, type JournalOptions } from "./journal.ts";
import { OrderedIndex } from "./ordered-index.ts";
import { recover } from "./recover.ts";
import type { Store } from "./store.ts";

export interface StoreOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  /** Changes kept for watches from, and lists at, an older revision. Default 10,000. */
  readonly historyLimit?: number;
  /** Bytes of superseded values kept for the same. Default 32 MiB. */
  readonly historyBytes?: number;
  /** The log is replaced by a snapshot when it exceeds this and the size of all values. Default 16 MiB. */
  readonly minLogBytes?: number;
  /** For tests of a failing disk; see JournalOptions. */
  readonly write?: JournalOptions["write"];
}

function limitsOf({ historyLimit = 10_000, historyBytes = 32 * 1024 * 1024 }: StoreOptions): HistoryLimits {
  return { maxEvents: historyLimit, maxBytes: historyBytes };
}

/**
 * Opens (or begins) the durable store in `dir`. Throws StoreInUseError, StoreCorruptError, or the file system's error;
 * each message is one sentence.
 */
export async function open(dir: string, options: StoreOptions = {}): Promise<Store> {
  const { log = createLog(), clock = systemClock, minLogBytes = 16 * 1024 * 1024, write } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(dir);
  try {
    const recovered = await recover(dir, limitsOf(options), log);
    const { index, history, revision } = recovered;
    const journal = await FileJournal.open({ dir, log, clock, index, minLogBytes, ...(write && { write }) }, recovered);
    return new EmbeddedStore({ name: dir, log, index, history, revision, journal, release: lock.release });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Always due: its groups come one turn after the other, or the event loop would do nothing else. */
const noJournal: Journal = { append: async () => {}, due: true, maintain: async () => {}, close: async () => {} };

/** The same store without files: everything is gone with the process. For tests and trials. */
export function openInMemory(options: StoreOptions = {}): Store {
  const { log = createLog() } = options;
  const history = new History(limitsOf(options));
  const parts = { index: new OrderedIndex(), history, revision: originRevision, journal: noJournal };
  return new EmbeddedStore({ name: "memory", log, ...parts, release: async () => {} });
}
