/**
 * The revisioned key-value store under the API server. The embedded store implements it here; etcd fits it
 * (keys, values, one growing revision, compare by revision, watch from a revision, compaction).
 */

/** A key as etcd would see it, e.g. "/registry/services/default/backend". */
export type Key = string;

export interface Entry {
  readonly key: Key;
  /** The object's final JSON, with `metadata.resourceVersion` = `revision` inside. Never mutated; joined into answers as it is. */
  readonly value: Buffer;
  /** Revision of the last change; decimal, growing by one for each change to the store. */
  readonly revision: number;
}

export type WatchEvent =
  | {
      readonly type: "put";
      readonly entry: Entry /** Entry before the change, if there was one. */;
      readonly previous: Entry | undefined;
    }
  | {
      readonly type: "delete" /** `value`: last state, with resourceVersion = revision of the deletion. */;
      readonly entry: Entry;
      readonly previous: Entry;
    };

export interface ListResult {
  readonly entries: readonly Entry[];
  /** The revision that the list was read at. */
  readonly revision: number;
  /** Key to go on after, if `limit` cut the list. */
  readonly continueAfter: Key | undefined;
  /** How many entries are left after this page, if cut. */
  readonly remaining: number;
}

/** Makes the final bytes once the revision is known. Called synchronously; must not throw for a valid object. */
export type Encode = (revision: number) => Buffer;

export interface Store {
  /** The newest revision. */
  readonly revision: number;
  get(key: Key): Promise<Entry | undefined>;
  /** Entries whose key starts with `prefix`, in key order. `at`: an older revision (throws CompactedError when it is gone). */
  list(prefix: Key, options?: { limit?: number; after?: Key; at?: number }): Promise<ListResult>;
  /** Creates; throws KeyExistsError. Resolves when durable. */
  create(key: Key, encode: Encode): Promise<Entry>;
  /** Replaces the entry whose revision is `expected`; throws RevisionConflictError (also when absent). Resolves when durable. */
  update(key: Key, expected: number, encode: Encode): Promise<Entry>;
  /** Deletes the entry whose revision is `expected`; throws RevisionConflictError. `encode` gives the last state for watchers. */
  delete(key: Key, expected: number, encode: Encode): Promise<Entry>;
  /**
   * Events with revision > `from`, in order, of keys that start with `prefix`. Throws CompactedError when `from` is
   * older than the history kept. `onEvents` is called with batches; `onProgress`-like bookmarks are the API server's.
   * A batch holds events that became durable together; `revision` is the store's revision after it.
   */
  watch(
    prefix: Key,
    from: number,
    onEvents: (events: readonly WatchEvent[], revision: number) => void,
  ): { close(): void };
  /** Forgets history up to and including `revision`. */
  compact(revision: number): Promise<void>;
  close(): Promise<void>;
}

export class KeyExistsError extends Error {
  readonly code = "KEY_EXISTS";
  readonly key: Key;
  readonly entry: Entry;
  constructor(key: Key, entry: Entry) {
    super(`Cannot create "${key}": it exists`);
    this.key = key;
    this.entry = entry;
  }
}

export class RevisionConflictError extends Error {
  readonly code = "REVISION_CONFLICT";
  readonly key: Key;
  /** What is there now; undefined: nothing. */
  readonly current: Entry | undefined;
  constructor(key: Key, current: Entry | undefined) {
    super(`Cannot change "${key}": ${current ? `its revision is ${current.revision} now` : "it is gone"}`);
    this.key = key;
    this.current = current;
  }
}

export class CompactedError extends Error {
  readonly code = "COMPACTED";
  /** The oldest revision that a watch may start from. */
  readonly oldest: number;
  constructor(asked: number, oldest: number) {
    super(`Cannot read revision ${asked}: history starts at ${oldest}`);
    this.oldest = oldest;
  }
}

/** The write was not done, and no reader will see it: the store's files cannot be written, or the store is closed. */
export class StoreUnavailableError extends Error {
  readonly code = "STORE_UNAVAILABLE";
}

/** The store's files hold something that no crash leaves behind; nothing was changed. */
export class StoreCorruptError extends Error {
  readonly code = "STORE_CORRUPT";
}

/** Another process works on the directory. */
export class StoreInUseError extends Error {
  readonly code = "STORE_IN_USE";
}
