/** Writes Events (core/v1) about objects, such as `kubectl describe` shows; repeats raise the count of one Event. */
import type { Event, KubeObject } from "../api/object.ts";
import { events } from "../api/resource.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { type ApiClient, isNotFound } from "./client.ts";

export interface EventRecorder {
  /** Never throws and does not wait: an Event that cannot be written is logged at debug level and lost. */
  record(object: KubeObject, event: { type: "Normal" | "Warning"; reason: string; message: string }): void;
  /** Resolves when all Events recorded so far are written or lost. */
  flush(): Promise<void>;
}

interface Known {
  readonly name: string;
  readonly firstTimestamp: string;
  count: number;
  /** The last write about this Event; writes of one Event follow each other. */
  writing: Promise<void>;
}

/** Events remembered for counting; the one not used for longest is forgotten first. */
const maxKnown = 4096;
/** Events being written; more than these are lost, so that a storm of them holds back nothing else. */
const maxPending = 200;

export function createEventRecorder(
  client: ApiClient,
  options: { component: string; host?: string; log: Log; clock?: Clock },
): EventRecorder {
  return new Recorder(client, options);
}

class Recorder implements EventRecorder {
  readonly #client: ApiClient;
  readonly #source: { component: string; host?: string };
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #pending = new Set<Promise<void>>();

  constructor(client: ApiClient, options: { component: string; host?: string; log: Log; clock?: Clock }) {
    this.#client = client;
    this.#source = { component: options.component, ...(options.host ? { host: options.host } : {}) };
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
  }

  record(
    object: KubeObject,
    { type, reason, message }: { type: "Normal" | "Warning"; reason: string; message: string },
  ): void {
    if (this.#pending.size >= maxPending) {
      this.#log.debug("event is lost: too many are waiting", { reason });
      return;
    }
    const { kind, metadata } = object;
    const key = [kind, metadata.namespace, metadata.name, metadata.uid, type, reason, message].join("\u0000");
    const known = this.#remember(key, metadata.name);
    known.count++;
    const event = this.#eventOf(object, { type, reason, message, known });
    const writing = known.writing
      .then(() => this.#write(event))
      .catch((error) => {
        this.#log.debug("event is lost", { reason, error });
      });
    known.writing = writing;
    this.#pending.add(writing);
    void writing.finally(() => this.#pending.delete(writing));
  }

  async flush(): Promise<void> {
    await Promise.all(this.#pending);
  }

  #remember(key: string, objectName: string): Known {
    const nowMs = this.#clock.now();
    const suffix = (BigInt(nowMs) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))).toString(16);
    const known = this.#known.get(key) ?? {
      name: `${objectName.slice(0, 230)}.${suffix}`,
      firstTimestamp: timestamp(nowMs),
      count: 0,
      writing: Promise.resolve(),
    };
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= maxKnown) break;
      this.#known.delete(oldest);
    }
    return known;
  }

  #eventOf(
    { apiVersion, kind, metadata }: KubeObject,
    { type, reason, message, known }: { type: string; reason: string; message: string; known: Known },
  ): Event {
    const { name, uid, resourceVersion } = metadata;
    // Events about cluster-scoped objects live in "default".
    const namespace = metadata.namespace ?? "default";
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: known.name, namespace },
      involvedObject: {
        apiVersion,
        kind,
        name,
        ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
        ...(uid ? { uid } : {}),
        ...(resourceVersion ? { resourceVersion } : {}),
      },
      type,
      reason,
      message: message.slice(0, 1024),
      source: this.#source,
      reportingComponent: this.#source.component,
      firstTimestamp: known.firstTimestamp,
      lastTimestamp: timestamp(this.#clock.now()),
      count: known.count,
    };
  }

  async #write(event: Event): Promise<void> {
    if ((event.count ?? 1) > 1) {
      const { name, namespace = "default" } = event.metadata;
      const { count, lastTimestamp } = event;
      try {
        await this.#client.patch(events, { name, namespace }, { count, lastTimestamp }, { type: "merge" });
        return;
      } catch (error) {
        // It has expired: it is written anew.
        if (!isNotFound(error)) throw error;
      }
    }
    await this.#client.create(events, event);
  }
}

const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
