/** Reads the body of a watch: one JSON document on each line, or frames of protobuf. */
import type { KubeObject } from "../api/object.ts";
import { ApiError, type Status, type WatchedEvent } from "./client.ts";
import { type MessageShape, metadata, statusShape } from "./message-shape.ts";
import { readEvent } from "./protobuf.ts";

/** Splits chunks into lines without the newline; bytes are copied only for a line that spans chunks. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end);
      start = end + 1;
      if (rest.length === 0) {
        yield tail;
      } else {
        rest.push(tail);
        const line = Buffer.concat(rest);
        rest = [];
        yield line;
      }
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

const bookmarkShape: MessageShape = { metadata: metadata([], ["k8s.io/initial-events-end"]) };

/**
 * One event, e.g. from `{"type":"ADDED","object":{…}}`. Throws ApiError for an ERROR event and SyntaxError for a line
 * that cannot be read: the watch must end then, because an event is missing.
 */
export function parseWatchLine<T extends KubeObject>(line: Buffer): WatchedEvent<T> {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line.toString("utf8"));
  } catch (cause) {
    throw new SyntaxError(`Cannot read a watch event of ${line.length} bytes: it is no JSON`, { cause });
  }
  if (event === null || typeof event !== "object" || event.object === null || typeof event.object !== "object") {
    throw new SyntaxError("Cannot read a watch event: it has no object");
  }
  return checked(event as { type: string; object: object });
}

function checked<T extends KubeObject>(event: { readonly type: string; readonly object: object }): WatchedEvent<T> {
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
    case "BOOKMARK":
      return event as unknown as WatchedEvent<T>;
    case "ERROR":
      throw new ApiError(event.object as Status);
    default:
      throw new SyntaxError(`Cannot read a watch event: its type is ${JSON.stringify(event.type)}`);
  }
}

/** What a chunk brought, and the fault that ends the watch behind it. */
export interface Frames<T> {
  readonly events: readonly WatchedEvent<T>[];
  readonly error?: unknown;
}

/** Reads a body in protobuf, chunk by chunk: frames with their length in four bytes, big-endian, before each. */
export function watchFrames<T extends KubeObject>(shape: MessageShape): (chunk: Buffer) => Frames<T> {
  const shapeOf = (type: string) => (type === "ERROR" ? statusShape : type === "BOOKMARK" ? bookmarkShape : shape);
  const event = (bytes: Buffer, start: number, end: number) => checked<T>(readEvent(bytes, { start, end }, shapeOf));
  /** Of a frame that spans chunks, what has come, and how much more its length or itself needs. */
  let rest: Buffer[] = [];
  let missing = 4;
  const read = (chunk: Buffer, events: WatchedEvent<T>[]): void => {
    let at = 0;
    while (rest.length > 0 && chunk.length - at >= missing) {
      const joined = Buffer.concat([...rest, chunk.subarray(at, at + missing)]);
      at += missing;
      missing = 4 + joined.readUInt32BE() - joined.length;
      if (missing === 0) events.push(event(joined, 4, joined.length));
      rest = missing === 0 ? [] : [joined];
    }
    if (rest.length === 0) {
      missing = 4;
      while (at + 4 <= chunk.length) {
        const end = at + 4 + chunk.readUInt32BE(at);
        missing = end - at;
        if (end > chunk.length) break;
        events.push(event(chunk, at + 4, end));
        at = end;
        missing = 4;
      }
    }
    if (at === chunk.length) return;
    rest.push(chunk.subarray(at));
    missing -= chunk.length - at;
  };
  return (chunk) => {
    const events: WatchedEvent<T>[] = [];
    try {
      read(chunk, events);
      return { events };
    } catch (error) {
      return { events, error };
    }
  };
}
