/**
 * A manifest whose media types are what the layers are: containerd goes by these alone, while archives of all kinds are
 * loaded by what their bytes say.
 */
import { open } from "node:fs/promises";
import type { ContentStore } from "../../images/content/content-store.ts";
import type { Descriptor } from "../../images/content/manifest.ts";

const type = (name: string): string => `application/vnd.oci.image.${name}`;
const magics: readonly (readonly [string, string])[] = [
  ["1f8b", "+gzip"],
  ["28b52ffd", "+zstd"],
];

async function layerType(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(4), position: 0 });
    const compression = magics.find(([magic]) => buffer.toString("hex").startsWith(magic))?.[1] ?? "";
    return type(`layer.v1.tar${compression}`);
  } finally {
    await file.close();
  }
}

const plain = (mediaType: string, { digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

/** Of the same image; in the store afterwards. Returns its digest. */
export async function writePlainManifest(store: ContentStore, digest: string): Promise<string> {
  const { config, layers } = await store.readManifest(digest);
  const own = layers.map(async (layer) => plain(await layerType(store.blob(layer.digest)), layer));
  const manifest = {
    schemaVersion: 2,
    mediaType: type("manifest.v1+json"),
    config: plain(type("config.v1+json"), config),
    layers: await Promise.all(own),
  };
  return store.writeBlob(JSON.stringify(manifest));
}
