/** What every controller is given. */
import type { KubeObject } from "../api/object.ts";
import { type ApiClient, isAlreadyExists, isConflict, isNotFound } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/events.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { type Again, createWorkQueue, type WorkQueue } from "../lib/work-queue.ts";
import type { Informers } from "./informers.ts";

export interface Context {
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly informers: Informers;
  /** All informers have their first list. */
  readonly synced: Promise<unknown>;
}

/** Another writer came first, or what we knew is old: the watch will bring what we need. */
export const isRace = (error: unknown): boolean => isConflict(error) || isNotFound(error) || isAlreadyExists(error);

/** A work queue whose reconciles begin when the caches are filled. */
export function createQueue(
  { log, signal, clock, synced }: Context,
  {
    name,
    reconcile,
    concurrency = 5,
  }: {
    name: string;
    reconcile: (key: string) => Promise<void> | Promise<Again | undefined>;
    concurrency?: number;
  },
): WorkQueue {
  let ready = false;
  void synced.then(() => {
    ready = true;
  });
  return createWorkQueue({
    reconcile: async (key) => {
      if (!ready) await synced;
      return (await reconcile(key)) ?? undefined;
    },
    log: log.child({ controller: name }),
    signal,
    clock,
    concurrency,
    isExpected: isRace,
  });
}

export function createRecorder({ client, log, clock }: Context, component: string): EventRecorder {
  return createEventRecorder(client, { component, log, clock });
}

/** RFC 3339 with seconds, as metadata and conditions carry it. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** Equal as JSON: whatever the order of fields; absent and undefined are the same. */
export function equal(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [first, second] = [one as Record<string, unknown>, other as Record<string, unknown>];
  for (const key in first) if (!equal(first[key], second[key])) return false;
  for (const key in second) if (second[key] !== undefined && first[key] === undefined) return false;
  return true;
}

/** JSON with sorted fields: equal text for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}

/** `{ name, namespace }` without an undefined namespace. */
export function nameOf({ metadata }: KubeObject): { name: string; namespace?: string } {
  const { name, namespace } = metadata;
  return namespace === undefined ? { name } : { name, namespace };
}
