/** The embedded store: a `Store` in this process, over a journal. Readers and watchers see durable changes only. */
import type { Log } from "../lib/log.ts";
import type { FileRecord } from "./frame.ts";
import { GroupCommit, type Write } from "./group-commit.ts";
import type { History } from "./history.ts";
import type { Journal } from "./journal.ts";
import { listAt } from "./list-at.ts";
import type { OrderedIndex } from "./ordered-index.ts";
import { applyChange } from "./recover.ts";
import {
  type Encode,
  type Entry,
  type Key,
  KeyExistsError,
  type ListResult,
  RevisionConflictError,
  type Store,
  StoreUnavailableError,
  type WatchEvent,
} from "./store.ts";
import { WatchHub } from "./watch-hub.ts";

export interface EmbeddedParts {
  /** For messages. */
  readonly name: string;
  readonly log: Log;
  readonly index: OrderedIndex;
  readonly history: History;
  readonly revision: number;
  readonly journal: Journal;
  /** Runs last at close, e.g. to release the directory. */
  readonly release: () => Promise<void>;
}

interface PendingWrite extends Write {
  readonly entry: Entry;
  readonly type: WatchEvent["type"];
  /** Settles when the write is durable or has failed; never rejects. */
  readonly settled: Promise<void>;
}

interface Change {
  readonly type: WatchEvent["type"];
  readonly key: Key;
  readonly encode: Encode;
  /** The error that forbids the change of `current`, if any. */
  readonly check: (current: Entry | undefined) => Error | undefined;
}

export class EmbeddedStore implements Store {
  readonly #parts: EmbeddedParts;
  readonly #hub: WatchHub;
  readonly #commit: GroupCommit<PendingWrite>;
  /** The newest write of each key that is on its way to the disk. */
  readonly #pending = new Map<Key, PendingWrite>();
  #revision: number;
  /** Of the newest write, durable or not. */
  #assigned: number;
  #closed: Promise<void> | undefined;

  constructor(parts: EmbeddedParts) {
    this.#parts = parts;
    this.#revision = parts.revision;
    this.#assigned = parts.revision;
    this.#hub = new WatchHub((error) => parts.log.error("store watcher threw and was closed", { error }));
    this.#commit = new GroupCommit(parts.journal, {
      durable: (writes) => this.#apply(writes),
      failed: (error) => this.#undo(error),
    });
  }

  get revision(): number {
    return this.#revision;
  }

  async get(key: Key): Promise<Entry | undefined> {
    return this.#parts.index.get(key);
  }

  async list(prefix: Key, options: { limit?: number; after?: Key; at?: number } = {}): Promise<ListResult> {
    return listAt({ ...this.#parts, revision: this.#revision }, prefix, options);
  }

  create(key: Key, encode: Encode): Promise<Entry> {
    const check = (current: Entry | undefined) => (current ? new KeyExistsError(key, current) : undefined);
    return this.#write({ type: "put", key, encode, check });
  }

  update(key: Key, expected: number, encode: Encode): Promise<Entry> {
    return this.#write({ type: "put", key, encode, check: expecting(key, expected) });
  }

  delete(key: Key, expected: number, encode: Encode): Promise<Entry> {
    return this.#write({ type: "delete", key, encode, check: expecting(key, expected) });
  }

  watch(
    prefix: Key,
    from: number,
    onEvents: (events: readonly WatchEvent[], revision: number) => void,
  ): { close(): void } {
    const revision = this.#revision;
    const backlog = this.#parts.history.since(prefix, from);
    return this.#hub.add(prefix, { backlog, since: Math.max(from, revision), revision }, onEvents);
  }

  async compact(revision: number): Promise<void> {
    this.#parts.history.compact(Math.min(revision, this.#revision));
  }

  /** Writes that were accepted become durable first; later ones are refused. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    await this.#commit.idle();
    this.#hub.clear();
    await this.#parts.journal.close();
    await this.#parts.release();
  }

  async #write({ type, key, encode, check }: Change): Promise<Entry> {
    if (this.#closed) throw new StoreUnavailableError(`Cannot write "${key}": the store is closed`);
    const before = this.#pending.get(key);
    const fault = check(before ? stateAfter(before) : this.#parts.index.get(key));
    if (fault) {
      // The caller will read again: what it lost against must be there then.
      await before?.settled;
      throw fault;
    }
    const revision = this.#assigned + 1;
    const entry: Entry = { key, value: encode(revision), revision };
    this.#assigned = revision;
    const done = Promise.withResolvers<void>();
    const settled = done.promise.catch(() => {});
    const record: FileRecord = { kind: type, ...entry };
    const write: PendingWrite = { record, entry, type, settled, resolve: done.resolve, reject: done.reject };
    this.#pending.set(key, write);
    this.#commit.add(write);
    await done.promise;
    return entry;
  }

  #apply(writes: readonly PendingWrite[]): number {
    const { index, history } = this.#parts;
    const events = writes.map((write) => {
      if (this.#pending.get(write.entry.key) === write) this.#pending.delete(write.entry.key);
      return applyChange(index, write);
    });
    for (const event of events) history.push(event);
    this.#revision = writes.at(-1)?.entry.revision ?? this.#revision;
    this.#hub.publish(events, this.#revision);
    return this.#revision;
  }

  #undo(cause: unknown): StoreUnavailableError {
    const { name, log } = this.#parts;
    this.#pending.clear();
    this.#assigned = this.#revision;
    log.error("store write failed", { store: name, error: cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new StoreUnavailableError(`Cannot write to the store "${name}": ${reason}`, { cause });
  }
}

function stateAfter(write: PendingWrite): Entry | undefined {
  return write.type === "put" ? write.entry : undefined;
}

function expecting(key: Key, expected: number): Change["check"] {
  return (current) => (current?.revision === expected ? undefined : new RevisionConflictError(key, current));
}
