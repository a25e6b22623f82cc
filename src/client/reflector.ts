/** Follows one collection by list and watch, for ever: what it finds goes to a sink. Never throws. */
import { type KubeObject, objectKey } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import { createBackoff } from "../lib/backoff.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";
import { type ApiClient, ApiError, isGone, type ListOptions, type Reading, type WatchedEvent } from "./client.ts";

export interface Sink<T> {
  /** The collection is this. */
  replace(objects: readonly T[]): void;
  /** All that was there at the start has come, by `replace` or one by one. */
  complete(): void;
  put(object: T): void;
  remove(last: T): void;
}

export interface ReflectorOptions extends Reading {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly clock?: Clock | undefined;
  /** What is there at the start is put one by one, as it comes, instead of all at the end of the reading. */
  readonly early?: boolean | undefined;
}

const pageSize = 500;
const backoffOptions = { initialMs: 50, maxMs: 10_000, jitter: 0.5 };
/** A watch that ended sooner counts as a failure, so that a server that ends each one at once is not hammered. */
const healthyMs = 1_000;
/** A server that takes `sendInitialEvents` but does not answer it within this time is asked for a list instead. */
const initialEventsTimeoutMs = 10_000;

export function startReflector<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  options: ReflectorOptions & { sink: Sink<T> },
): void {
  void new Reflector(client, resource, options).run();
}

class Reflector<T extends KubeObject> {
  readonly #client: ApiClient;
  readonly #resource: Resource<T>;
  readonly #sink: Sink<T>;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #selection: ListOptions & Reading;
  readonly #backoff = createBackoff(backoffOptions);
  /** Where to go on watching; undefined: the collection must be read first. */
  #revision: string | undefined;
  #initialEvents = true;
  /** The sink has nothing that a reading would have to take away. */
  #isEmpty = true;
  readonly #early: boolean;
  #lastFault = "";

  constructor(client: ApiClient, resource: Resource<T>, options: ReflectorOptions & { sink: Sink<T> }) {
    this.#client = client;
    this.#resource = resource;
    this.#sink = options.sink;
    this.#signal = options.signal;
    this.#clock = options.clock ?? systemClock;
    this.#early = options.early ?? false;
    this.#log = options.log.child({ resource: resource.plural });
    this.#selection = {
      shape: options.shape,
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
      ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
    };
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      const started = this.#clock.now();
      try {
        await this.#follow();
        // The server ends watches after a while: no failure.
        if (this.#clock.now() - started >= healthyMs) continue;
      } catch (error) {
        if (this.#signal.aborted) return;
        if (this.#handle(error)) continue;
      }
      await sleep(this.#backoff.next(), { clock: this.#clock, signal: this.#signal });
    }
  }

  async #follow(): Promise<void> {
    if (this.#revision === undefined && !this.#initialEvents) await this.#list();
    if (this.#revision === undefined) return this.#watchFromNothing();
    const events = this.#client.watch(this.#resource, {
      ...this.#selection,
      resourceVersion: this.#revision,
      allowWatchBookmarks: true,
      signal: this.#signal,
    });
    for await (const some of events) for (const event of some) this.#take(event);
  }

  /** True: go on at once. */
  #handle(error: unknown): boolean {
    if (isGone(error)) {
      this.#log.info("history is gone, reading the collection again");
      const first = this.#revision !== undefined;
      this.#revision = undefined;
      return first;
    }
    const code = error instanceof ApiError ? (error.status.code ?? 500) : undefined;
    if (this.#revision === undefined && this.#initialEvents && (code === 400 || code === 422)) {
      this.#initialEvents = false;
      return true;
    }
    // An answer that will stay the same for this revision (a malformed one, say): start over.
    if (code !== undefined && code >= 400 && code < 500 && code !== 429) this.#revision = undefined;
    this.#complain(error);
    return false;
  }

  /** A fault that lasts is told once, however often it is met again. */
  #complain(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.#lastFault) this.#log.debug("still cannot watch", { error });
    else this.#log.warn("cannot watch", { error });
    this.#lastFault = message;
  }

  #succeeded(): void {
    this.#backoff.reset();
    this.#lastFault = "";
  }

  async #list(): Promise<void> {
    const items: T[] = [];
    let next: string | undefined;
    let revision: string;
    do {
      const page = await this.#client.list(this.#resource, {
        ...this.#selection,
        limit: pageSize,
        ...(next ? { continue: next } : {}),
      });
      items.push(...page.items);
      next = page.metadata.continue;
      revision = page.metadata.resourceVersion;
    } while (next);
    this.#replace(items);
    this.#revision = revision;
  }

  /** Reads the collection by a watch that first brings what is there, up to a bookmark that says so. */
  async #watchFromNothing(): Promise<void> {
    const late = new AbortController();
    const cancelTimer = this.#clock.after(initialEventsTimeoutMs, () => late.abort());
    const initial = this.#early && this.#isEmpty ? undefined : new Map<string, T>();
    this.#isEmpty = false;
    try {
      const events = this.#client.watch(this.#resource, {
        ...this.#selection,
        sendInitialEvents: true,
        allowWatchBookmarks: true,
        signal: AbortSignal.any([this.#signal, late.signal]),
      });
      for await (const some of events) {
        for (const event of some) {
          if (this.#revision !== undefined) this.#take(event);
          else if (event.type !== "BOOKMARK") this.#takeInitial(event, initial);
          else if (event.object.metadata.annotations?.["k8s.io/initial-events-end"] === "true") {
            cancelTimer();
            if (initial) this.#replace([...initial.values()]);
            else this.#sink.complete();
            initial?.clear();
            this.#succeeded();
            this.#revision = event.object.metadata.resourceVersion;
          }
        }
      }
    } finally {
      cancelTimer();
      if (late.signal.aborted) this.#initialEvents = false;
    }
  }

  #replace(objects: readonly T[]): void {
    this.#isEmpty = false;
    this.#sink.replace(objects);
    this.#sink.complete();
  }

  /** Into `initial`; without it straight to the sink. */
  #takeInitial(event: WatchedEvent<T>, initial: Map<string, T> | undefined): void {
    if (!initial) this.#pass(event);
    else if (event.type === "BOOKMARK") return;
    else if (event.type === "DELETED") initial.delete(objectKey(event.object));
    else initial.set(objectKey(event.object), event.object);
  }

  #pass(event: WatchedEvent<T>): void {
    if (event.type === "DELETED") this.#sink.remove(event.object);
    else if (event.type !== "BOOKMARK") this.#sink.put(event.object);
  }

  #take(event: WatchedEvent<T>): void {
    this.#succeeded();
    this.#pass(event);
    this.#revision = event.object.metadata.resourceVersion ?? this.#revision;
  }
}
