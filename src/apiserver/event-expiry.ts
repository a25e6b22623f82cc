/** Events are kept for an hour after they last happened. */
import { cloneJson } from "../api/json.ts";
import type { Event } from "../api/object.ts";
import { events } from "../api/resource.ts";
import { RevisionConflictError } from "../store/store.ts";
import { encodeObject, objectOf } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { collectionPrefix } from "./keys.ts";

const defaultTtlMs = 3600_000;
/** An event goes at most this late; the sweep reads only events that are new to it. */
const sweepIntervalMs = 5 * 60_000;
const pageSize = 500;

/** Milliseconds since the epoch of the last occurrence. */
function lastSeen(event: Event): number {
  const { lastTimestamp, eventTime, series, metadata } = event;
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  return Math.max(0, ...times.filter(Boolean).map((time) => Date.parse(String(time))));
}

/** Deletes what is older; returns how many. */
async function sweepEvents({
  store,
  clock,
  config,
}: Pick<ServerContext, "store" | "clock" | "config">): Promise<number> {
  const oldest = clock.now() - (config.eventTtlMs ?? defaultTtlMs);
  let swept = 0;
  let after: string | undefined;
  do {
    const page = await store.list(collectionPrefix(events), { limit: pageSize, ...(after ? { after } : {}) });
    const expired = page.entries.filter(({ value }) => lastSeen(objectOf(value) as unknown as Event) < oldest);
    const deletions = expired.map(async (entry) => {
      try {
        await store.delete(entry.key, entry.revision, encodeObject(cloneJson(objectOf(entry.value))));
        swept++;
      } catch (error) {
        if (!(error instanceof RevisionConflictError)) throw error;
      }
    });
    await Promise.all(deletions);
    after = page.continueAfter;
  } while (after !== undefined);
  return swept;
}

/** Sweeps now and then until `closing`. */
export function startEventExpiry(server: ServerContext): void {
  const { clock, log, closing } = server;
  let cancel = (): void => {};
  const next = (): void => {
    if (closing.aborted) return;
    cancel = clock.after(sweepIntervalMs, () => {
      sweepEvents(server)
        .catch((error) => log.error("events could not be swept", { error }))
        .finally(next);
    });
  };
  next();
  closing.addEventListener("abort", () => cancel());
}
