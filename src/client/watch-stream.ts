/** Reads the body of a watch: one JSON document on each line. */
import type { KubeObject } from "../api/object.ts";
import { ApiError, type Status, type WatchedEvent } from "./client.ts";

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
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
    case "BOOKMARK":
      return event as WatchedEvent<T>;
    case "ERROR":
      throw new ApiError(event.object as Status);
    default:
      throw new SyntaxError(`Cannot read a watch event: its type is ${JSON.stringify(event.type)}`);
  }
}
