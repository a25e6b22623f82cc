/** The only road from a part to API objects: these are its interfaces. `rest.ts` implements ApiClient over HTTPS, `informer.ts` Informer. */
import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import type { MessageShape } from "./message-shape.ts";

export interface Status {
  readonly kind: "Status";
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly { reason?: string; message?: string; field?: string }[];
    readonly retryAfterSeconds?: number;
  };
}

/** An answer of the API server that is no success. */
export class ApiError extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super(status.message ?? `The API server answered ${status.code} ${status.reason}`);
    this.status = status;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status.code === 404;
export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.status.code === 409 && error.status.reason === "Conflict";
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof ApiError && error.status.reason === "AlreadyExists";
export const isGone = (error: unknown): boolean => error instanceof ApiError && error.status.code === 410;

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

/** How a collection is read. */
export interface Reading {
  /** The only fields that come: read in the protobuf form where the server has it. */
  readonly shape?: MessageShape | undefined;
}

export interface List<T> {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: T[];
}

export type WatchedEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | {
      readonly type: "BOOKMARK";
      readonly object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } };
    };

export interface PatchOptions {
  readonly type: "json" | "merge" | "strategic" | "apply";
  readonly fieldManager?: string;
  readonly force?: boolean;
  readonly subresource?: string;
  /** What the server does with fields it does not know, or finds twice: refuse, warn (its default), or drop them in silence. */
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
}

/** All methods throw ApiError for an answer that is no success, and the transport's error when there was none. */
export interface ApiClient {
  get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions & Reading): Promise<List<T>>;
  create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: { subresource?: string; name?: string },
  ): Promise<T>;
  /** PUT; conflicts when object.metadata.resourceVersion is set and old. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: { subresource?: string }): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    target: { name: string; namespace?: string },
    patch: unknown,
    options: PatchOptions,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    target: { name: string; namespace?: string },
    options?: {
      gracePeriodSeconds?: number;
      propagationPolicy?: "Foreground" | "Background" | "Orphan";
      preconditions?: { uid?: string; resourceVersion?: string };
    },
  ): Promise<void>;
  /**
   * Events in order, those that came together as one item: at a start tens of thousands come, and each item costs promises. Ends
   * when the server closes the stream or `signal` aborts; an ERROR event is thrown as ApiError.
   */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions &
      Reading & { sendInitialEvents?: boolean; allowWatchBookmarks?: boolean; signal: AbortSignal },
  ): AsyncIterable<readonly WatchedEvent<T>[]>;
  /** A request beside the typed ones, e.g. GET /readyz; resolves with the whole body. */
  raw(method: string, path: string, body?: Buffer): Promise<{ status: number; body: Buffer }>;
}

export type Change<T> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "updated"; readonly object: T; readonly old: T }
  | { readonly type: "deleted"; readonly object: T };

/** A cache of one collection, kept by list and watch. Its objects are shared: never change them. */
export interface Informer<T extends KubeObject> {
  /** Resolves when the first list is in the cache. */
  readonly synced: Promise<void>;
  /** By `objectKey`: "namespace/name" or "name". */
  get(key: string): T | undefined;
  list(): IterableIterator<T>;
  /** Objects for which the index function `name` gave `value` (indexes are named when the informer is made). */
  byIndex(name: string, value: string): readonly T[];
  /** Called for each change, in order, after the cache holds it; existing objects come as "added". Returns a function that ends it. */
  onChange(listener: (change: Change<T>) => void): () => void;
}
