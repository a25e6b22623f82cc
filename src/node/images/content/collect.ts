/** Removes what no name and no Pod needs any more. */
import { readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ContentStore } from "./content-store.ts";
import { hexOf } from "./manifest.ts";

/** Something is being loaded while its folder is younger than this; older ones were left by a process that was killed. */
const ingestMs = 3_600_000;

export interface CollectOptions {
  /** Digests of manifests that containers run by, with a name or without. */
  readonly inUse: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Folders of loads that may still go on; those that cannot are removed. */
async function currentIngests(store: ContentStore, nowMs: number): Promise<number> {
  let current = 0;
  for (const name of await readdir(store.ingest).catch(() => [])) {
    const path = join(store.ingest, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs < ingestMs) current++;
    else await rm(path, { recursive: true, force: true });
  }
  return current;
}

/** Names of files in `blobs` and `roots` that must stay. */
async function reachable(store: ContentStore, inUse: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const refs = await store.listRefs();
  const digests = new Set([...refs.map(({ digest }) => digest), ...inUse]);
  const names = new Set<string>();
  for (const digest of digests) {
    const manifest = await store.readManifest(digest).catch(() => undefined);
    if (!manifest) continue;
    for (const part of [digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)]) {
      names.add(hexOf(part));
    }
    names.add(basename(store.root(await store.readConfig(manifest))));
  }
  return names;
}

/** Resolves with the bytes of blobs that were removed; 0 as well while something is being loaded: the next call does it. */
export async function collect(store: ContentStore, { inUse, nowMs }: CollectOptions): Promise<number> {
  if ((await currentIngests(store, nowMs)) > 0) return 0;
  const keep = await reachable(store, inUse);
  let freedBytes = 0;
  for (const folder of [store.blobs, store.roots]) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (keep.has(name)) continue;
      const path = join(folder, name);
      if (folder === store.blobs) freedBytes += (await stat(path)).size;
      await rm(path, { recursive: true, force: true });
    }
  }
  return freedBytes;
}
