/** GET of a collection's changes. Source: Kubernetes "API Concepts", efficient detection of changes, watch bookmarks, streaming lists. */
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { resourceVersionTooOld } from "../../api/status.ts";
import { CompactedError, type WatchEvent } from "../../store/store.ts";
import type { ServerContext } from "../context.ts";
import { collectionPrefix, objectStoreKey } from "../keys.ts";
import { invalidOption, type ListOptions, parseListOptions } from "../list-options.ts";
import { mediaTypes, negotiate } from "../negotiate.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { faultOf } from "../respond.ts";
import { requireRevision } from "../revision.ts";
import { type Selection, selectionOf } from "../selection.ts";
import { loadForms, shownObject } from "../stored-form.ts";
import { bookmarkFrame, errorFrame, eventFrame, type FrameStyle, leavingFrame, makeFrames } from "../watch-frames.ts";
import { type Page, pageAfter, readCollection } from "./list.ts";

/** A watcher that is this far behind is cut off; it comes back and goes on from where it was. */
const maxBacklogBytes = 64 * 1024 * 1024;
/** What is there at the start is read, made and sent in slices of so many objects, as fast as the client reads. */
const initialSlice = 500;
const defaultTimeoutSeconds = 1800;
const defaultBookmarkIntervalMs = 60_000;

/** The frame of one change as a watcher with `selection` sees it; undefined: it does not. */
function frameOf(event: WatchEvent, selection: Selection, style: FrameStyle): Buffer | undefined {
  const { entry, previous } = event;
  const before = previous !== undefined && selection.matchesEntry(previous);
  if (event.type === "delete") return before ? eventFrame("DELETED", entry.value, style) : undefined;
  if (selection.matchesEntry(entry)) return eventFrame(before ? "MODIFIED" : "ADDED", entry.value, style);
  return before && previous ? leavingFrame(shownObject(style.kind, previous.value), entry.revision, style) : undefined;
}

/** One watcher's connection. */
class WatchStream {
  readonly #server: ServerContext;
  readonly #response: ServerResponse;
  readonly #ends: (() => void)[] = [];
  #open = true;

  constructor(server: ServerContext, response: ServerResponse) {
    this.#server = server;
    this.#response = response;
    response.on("close", () => this.end());
    const stop = (): void => this.end();
    server.closing.addEventListener("abort", stop);
    this.onEnd(() => server.closing.removeEventListener("abort", stop));
  }

  get open(): boolean {
    return this.#open;
  }

  write(frames: readonly Buffer[]): void {
    const [first] = frames;
    if (!this.#open || !first) return;
    this.#response.write(frames.length === 1 ? first : Buffer.concat(frames));
    if (this.#response.writableLength > maxBacklogBytes) this.end();
  }

  /** Waits until the client has read most of it. True: the bytes have been copied to a socket, nobody looks at them any more. */
  async send(bytes: Buffer): Promise<boolean> {
    if (!this.#open) return false;
    const { socket } = this.#response;
    const written = await new Promise<boolean>((resolve) => {
      this.onEnd(() => resolve(false));
      this.#response.write(bytes, (error) => resolve(!error));
    });
    // A connection within the process hands over the bytes themselves.
    return written && socket instanceof Socket;
  }

  after(delayMs: number, callback: () => void): void {
    if (this.#open) this.onEnd(this.#server.clock.after(delayMs, callback));
  }

  onEnd(callback: () => void): void {
    if (this.#open) this.#ends.push(callback);
    else callback();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const end of this.#ends.splice(0)) end();
    this.#response.end();
  }
}

interface Plan {
  readonly prefix: string;
  readonly selection: Selection;
  readonly style: FrameStyle;
  readonly options: ListOptions;
}

async function sendFrames(stream: WatchStream, frames: Buffer, { protobuf }: FrameStyle): Promise<void> {
  if (await stream.send(frames)) protobuf?.giveBack(frames);
}

/** Sends what is there as ADDED; returns the revision that this was read at. */
async function sendInitial(
  server: ServerContext,
  request: ApiRequest,
  stream: WatchStream,
  plan: Plan,
): Promise<number> {
  const { style } = plan;
  const options = { ...plan.options, limit: initialSlice, continue: "" };
  const first = await readCollection(server, request, options);
  for (
    let page: Page | undefined = first;
    page && stream.open;
    page = await pageAfter(server, request, { options, page })
  ) {
    const values = page.entries.map(({ value }) => value);
    await loadForms(style.kind, values);
    if (values.length > 0) await sendFrames(stream, makeFrames("ADDED", values, style), style);
    // The slice goes out while the next one is made.
    await setImmediate();
  }
  if (options.sendInitialEvents && options.allowWatchBookmarks) {
    stream.write([bookmarkFrame(style, first.revision, { initial: true })]);
  }
  return first.revision;
}

const eventValues = (events: readonly WatchEvent[]): Buffer[] =>
  events.flatMap(({ entry, previous }) => (previous ? [entry.value, previous.value] : [entry.value]));

function follow(server: ServerContext, stream: WatchStream, plan: Plan, from: number): void {
  const { prefix, selection, style } = plan;
  const send = (events: readonly WatchEvent[]): void => {
    const frames: Buffer[] = [];
    for (const event of events) {
      const frame = frameOf(event, selection, style);
      if (frame) frames.push(frame);
    }
    stream.write(frames);
  };
  // A webhook that makes the forms takes its time: the events wait for it, in their order.
  let sent = Promise.resolve();
  const convertAndSend = (events: readonly WatchEvent[]): void => {
    sent = sent.then(() => loadForms(style.kind, eventValues(events))).then(() => send(events), fail);
  };
  const fail = (error: unknown): void => {
    stream.write([errorFrame(style, faultOf(error).status)]);
    stream.end();
  };
  const watching = server.store.watch(prefix, from, style.kind.stored?.convert ? convertAndSend : send);
  stream.onEnd(() => watching.close());
}

function sendBookmarks(server: ServerContext, stream: WatchStream, style: FrameStyle, from: number): void {
  const intervalMs = server.config.bookmarkIntervalMs ?? defaultBookmarkIntervalMs;
  const send = (): void => {
    stream.write([bookmarkFrame(style, Math.max(from, server.store.revision))]);
    stream.after(intervalMs, send);
  };
  stream.after(intervalMs, send);
}

async function run(server: ServerContext, request: ApiRequest, stream: WatchStream, plan: Plan): Promise<void> {
  const { options, style } = plan;
  const initial = options.sendInitialEvents || !options.resourceVersion;
  const from = initial ? await sendInitial(server, request, stream, plan) : (options.resourceVersion ?? 0);
  if (!stream.open) return;
  try {
    follow(server, stream, plan, from);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    stream.write([errorFrame(style, resourceVersionTooOld(from, error.oldest).status)]);
    stream.end();
    return;
  }
  if (options.allowWatchBookmarks) sendBookmarks(server, stream, style, from);
}

/** The query, with the name in the path (the old way to watch one object) as a field selector. */
function watchOptions({ query, name }: ApiRequest): ListOptions {
  const options = parseListOptions(query, { watch: true });
  if ("fault" in options) throw invalidOption("ListOptions", options.fault);
  if (name === undefined) return options;
  const fieldSelector = [options.fieldSelector, `metadata.name=${name}`].filter(Boolean).join(",");
  return { ...options, fieldSelector };
}

export async function watch(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, query, accept } = request;
  const options = watchOptions(request);
  const selection = selectionOf(kind, options);
  requireRevision(server.store, options.resourceVersion);
  const single = selection.name !== undefined && (namespace !== undefined || !kind.namespaced);
  const prefix = single ? objectStoreKey(kind, namespace, selection.name ?? "") : collectionPrefix(kind, namespace);
  const { form, encoding } = negotiate(accept, kind);
  const protobuf = encoding === "protobuf" ? await import("../protobuf/forms.ts") : undefined;
  const now = (): number => server.clock.now();
  const style: FrameStyle = { kind, form, protobuf, includeObject: query.get("includeObject"), now };
  const plan: Plan = { prefix, selection, style, options };
  return {
    type: "stream",
    async run(response) {
      const type = protobuf ? `${mediaTypes.protobuf};stream=watch` : mediaTypes.json;
      response.writeHead(200, { "content-type": type, "cache-control": "no-cache, private" });
      response.flushHeaders();
      const stream = new WatchStream(server, response);
      const seconds = options.timeoutSeconds || defaultTimeoutSeconds * (1 + Math.random());
      stream.after(seconds * 1000, () => stream.end());
      await run(server, request, stream, plan);
    },
  };
}
