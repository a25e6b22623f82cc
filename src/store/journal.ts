/** Makes changes durable: the log, its rotation, and repair after a failed write. */
import { constants, type FileHandle, open, rm } from "node:fs/promises";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createDurably, fileName, headRecord, listFiles, syncDirectory, writeAll } from "./files.ts";
import { encodeFrame, type FileRecord } from "./frame.ts";
import type { OrderedIndex } from "./ordered-index.ts";
import { writeSnapshot } from "./snapshot.ts";

/** Where changes become durable. One append at a time; no append during `maintain`. */
export interface Journal {
  /** Resolves when the records are durable, all or none of them. When it rejects, recovery will not find them. */
  append(records: readonly FileRecord[]): Promise<void>;
  /** `maintain` has something to do. */
  readonly due: boolean;
  /** Called after changes were applied to the index; `revision` is the newest. */
  maintain(revision: number): Promise<void>;
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly dir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** The state to make snapshots of; the store keeps it current. */
  readonly index: OrderedIndex;
  /** A snapshot is made when the logs since the last one exceed this and the size of all values. */
  readonly minLogBytes: number;
  /** Writes durably; a test makes it fail, which no file system here does on demand. */
  readonly write?: typeof writeAll;
}

/**
 * A small frame that reaches beyond the file's end takes zeros with it, so that the next ones overwrite blocks that are
 * there: making those durable does not wait for the file system's own journal.
 */
const smallFrameBytes = 64 * 1024;
const zeros = Buffer.alloc(512 * 1024);

/** Each write is durable when it returns: one errand of another thread, where write and fdatasync are two. */
const openFlags = constants.O_RDWR | constants.O_DSYNC;

/** The write did not take place; any other error leaves in doubt what is on the disk. */
const noRoom: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A snapshot that failed (a full disk, most likely) is tried again so many times in what a log may grow by: only it gives the old logs' room back. */
const retriesEach = 4;

/** After a failed sync, how long to wait before the whole state is written anew. */
const repairIntervalMs = 1000;

/** The current log, the length of its whole frames (0: there is none yet), and that of all logs since the last snapshot. */
interface Extent {
  readonly generation: number;
  readonly size: number;
  readonly logBytes: number;
}

export class FileJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #writeDurably: typeof writeAll;
  #file: FileHandle;
  #generation: number;
  /** Durable length of the current log. */
  #size: number;
  /** Length of the current log's file: zeros follow the durable frames. */
  #fileBytes: number;
  /** In all logs since the last snapshot. */
  #logBytes: number;
  #snapshotAtBytes = 0;
  #snapshot: Promise<boolean> | undefined;
  #failed: { readonly error: unknown; readonly atMs: number } | undefined;

  private constructor(options: JournalOptions, file: FileHandle, state: Extent) {
    this.#options = options;
    this.#writeDurably = options.write ?? writeAll;
    this.#file = file;
    this.#generation = state.generation;
    this.#size = state.size;
    this.#fileBytes = state.size;
    this.#logBytes = state.logBytes;
  }

  /** Goes on after what recovery found. */
  static async open(
    options: JournalOptions,
    { generation, size, logBytes, revision }: Extent & { revision: number },
  ): Promise<FileJournal> {
    const path = fileName(options.dir, "log", generation);
    const length = size > 0 ? size : await createDurably(path, options.dir, [[headRecord(revision)]]);
    const file = await open(path, openFlags);
    if ((await file.stat()).size > length) await file.truncate(length);
    // A process killed in the middle of its last write left it to the kernel: it is durable before it is seen, and a write
    // makes only its own bytes so.
    await file.sync();
    return new FileJournal(options, file, { generation, size: length, logBytes: Math.max(logBytes, length) });
  }

  async append(records: readonly FileRecord[]): Promise<void> {
    if (this.#failed) await this.#repair((records[0]?.revision ?? 1) - 1);
    const { buffers, bytes } = encodeFrame(records);
    await this.#write(buffers, this.#size + bytes);
    this.#size += bytes;
    this.#logBytes += bytes;
  }

  get due(): boolean {
    const limit = Math.max(this.#options.minLogBytes, this.#options.index.valueBytes, this.#snapshotAtBytes);
    return !this.#snapshot && this.#logBytes >= limit;
  }

  async maintain(revision: number): Promise<void> {
    if (!this.due) return;
    try {
      await this.#rotate(revision);
    } catch (error) {
      this.#postpone(error);
    }
  }

  async close(): Promise<void> {
    await this.#snapshot;
    await this.#file.truncate(this.#size).catch(() => {});
    await this.#file.close();
  }

  async #write(buffers: readonly Buffer[], end: number): Promise<void> {
    const extend = end > this.#fileBytes && end - this.#size <= smallFrameBytes;
    if (extend && (await this.#writeIfRoom([...buffers, zeros], end + zeros.length)) === undefined) return;
    const full = await this.#writeIfRoom(buffers, end);
    if (full !== undefined) throw full;
  }

  /** The error, if the disk is full. */
  async #writeIfRoom(buffers: readonly Buffer[], end: number): Promise<unknown> {
    try {
      await this.#writeDurably(this.#file, buffers, this.#size);
      this.#fileBytes = Math.max(this.#fileBytes, end);
      return undefined;
    } catch (error) {
      if (!noRoom.has((error as NodeJS.ErrnoException).code)) throw await this.#giveUp(error);
      await this.#cutBack(error);
      return error;
    }
  }

  /** The half-written frame is cut off: the next try finds a clean end. */
  async #cutBack(cause: unknown): Promise<void> {
    this.#fileBytes = this.#size;
    try {
      await this.#file.truncate(this.#size);
      await this.#file.datasync();
    } catch {
      throw await this.#giveUp(cause);
    }
  }

  /** After a failed sync nobody knows what of the file is on the disk (a second sync may lie): it is not written again. */
  async #giveUp(error: unknown): Promise<unknown> {
    this.#failed = { error, atMs: this.#options.clock.now() };
    await this.#file.truncate(this.#size).catch(() => {});
    return error;
  }

  /** Writes the whole state, which is at `revision`, to fresh files. */
  async #repair(revision: number): Promise<void> {
    const { clock, log } = this.#options;
    if (!this.#failed || clock.now() - this.#failed.atMs < repairIntervalMs) throw this.#failed?.error;
    this.#failed = { error: this.#failed.error, atMs: clock.now() };
    await this.#snapshot;
    await this.#rotate(revision);
    if (!(await this.#snapshot)) throw this.#failed.error;
    this.#failed = undefined;
    log.info("store writes again", { dir: this.#options.dir });
  }

  /** Starts log n+1, then makes snapshot n+1 in the background; only after that do logs and snapshots up to n go. */
  async #rotate(revision: number): Promise<void> {
    const { dir, index } = this.#options;
    const generation = this.#generation + 1;
    const path = fileName(dir, "log", generation);
    const size = await createDurably(path, dir, [[headRecord(revision)]]);
    const file = await open(path, openFlags);
    await this.#file.close();
    this.#file = file;
    this.#generation = generation;
    this.#size = size;
    this.#fileBytes = size;
    const { entries } = index.range("");
    this.#snapshot = this.#writeSnapshot(generation, { entries, revision }).finally(() => {
      this.#snapshot = undefined;
    });
  }

  async #writeSnapshot(
    generation: number,
    state: { entries: Parameters<typeof writeSnapshot>[2]["entries"]; revision: number },
  ): Promise<boolean> {
    const before = this.#logBytes;
    try {
      await writeSnapshot(this.#options.dir, generation, state);
      this.#logBytes -= before;
      this.#snapshotAtBytes = 0;
      await removeBefore(this.#options.dir, generation);
      return true;
    } catch (error) {
      this.#postpone(error);
      return false;
    }
  }

  #postpone(error: unknown): void {
    this.#snapshotAtBytes = this.#logBytes + this.#options.minLogBytes / retriesEach;
    this.#options.log.warn("store snapshot failed, the log goes on", { dir: this.#options.dir, error });
  }
}

/** Removes the files that snapshot `generation` makes superfluous. */
export async function removeBefore(dir: string, generation: number): Promise<void> {
  const { log, snapshot } = await listFiles(dir);
  for (const old of log.filter((found) => found < generation)) await rm(fileName(dir, "log", old));
  for (const old of snapshot.filter((found) => found < generation)) await rm(fileName(dir, "snapshot", old));
  await syncDirectory(dir);
}
