/** Makes the file system of an image from its layers, once for all images with the same ones. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { decompress } from "./compression.ts";
import type { ContentStore } from "./content-store.ts";
import { applyLayer } from "./layer.ts";
import { type ImageConfig, ImageError, type Manifest } from "./manifest.ts";

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Hands on what comes, and says at the end whether it has the digest. */
function verify(digest: string): Transform {
  const hash = createHash("sha256");
  return new Transform({
    transform(chunk, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = `sha256:${hash.digest("hex")}`;
      done(found === digest ? null : new ImageError(`Cannot unpack the layer ${digest}: its content is ${found}`));
    },
  });
}

async function unpackLayers(
  store: ContentStore,
  { manifest, config }: { manifest: Manifest; config: ImageConfig },
  options: { root: string; keepOwners: boolean },
): Promise<void> {
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new ImageError(
      `Cannot unpack the image: its config names ${diffIds.length} layers, its manifest ${manifest.layers.length}`,
    );
  }
  for (const [index, { digest }] of manifest.layers.entries()) {
    const layer = await decompress(createReadStream(store.blob(digest)));
    const checked = verify(diffIds[index] ?? "");
    layer.on("error", (error) => checked.destroy(error));
    await applyLayer(layer.pipe(checked), options);
  }
}

/** Resolves with the folder; it is whole or absent, whoever else makes it at the same time. */
export async function ensureRoot(
  store: ContentStore,
  image: { manifest: Manifest; config: ImageConfig },
  options: { keepOwners: boolean },
): Promise<string> {
  const root = store.root(image.config);
  if (await exists(root)) return root;
  await store.open();
  const draft = join(store.ingest, randomUUID());
  try {
    await mkdir(draft, { mode: 0o755 });
    await unpackLayers(store, image, { root: draft, ...options });
    await rename(draft, root);
  } catch (error) {
    if (!(await exists(root))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return root;
}
