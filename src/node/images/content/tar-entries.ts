/** Reads a tar archive entry by entry. */
import type { ReadEntry } from "tar";
import { Parser } from "tar/parse";

export type TarEntry = ReadEntry;

/** Calls `handle` for one entry after the other; what it leaves unread is skipped. Rejects for a damaged archive. */
export async function eachTarEntry(
  source: AsyncIterable<Buffer>,
  handle: (entry: TarEntry) => Promise<void>,
): Promise<void> {
  const parser = new Parser({ strict: true });
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  parser.on("error", failure.reject);
  // Empty entries are announced at once, whether the one before is done or not.
  let last = Promise.resolve();
  parser.on("entry", (entry: TarEntry) => {
    last = last.then(async () => {
      await handle(entry);
      entry.resume();
    });
    last.catch(failure.reject);
  });
  const ended = Promise.withResolvers<void>();
  parser.on("end", ended.resolve);
  let drained = Promise.withResolvers<void>();
  parser.on("drain", () => drained.resolve());
  for await (const chunk of source) {
    drained = Promise.withResolvers();
    if (!parser.write(chunk)) await Promise.race([drained.promise, failure.promise]);
  }
  parser.end();
  await Promise.race([ended.promise, failure.promise]);
  await Promise.race([last, failure.promise]);
}

/**
 * The names of `path` from the root on; undefined for one that leads out of it.
 * Sources: OCI image-spec, layer.md (paths are relative to the root); ".." is in no layer that is meant well.
 */
export function tarPath(path: string): readonly string[] | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return names.includes("..") || path.includes("\0") ? undefined : names;
}
