/** Brings an image from a registry into the content store; every byte is checked by its digest. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Credential } from "../pull-secret.ts";
import type { ImageReference } from "../reference.ts";
import { admit, type LoadOptions } from "./archive.ts";
import type { ContentStore, ImageRef } from "./content-store.ts";
import { type Descriptor, forPlatform, ImageError, parseManifest } from "./manifest.ts";
import { RegistrySession } from "./registry-session.ts";
import { type RegistryMirrors, splitRepository } from "./registry-url.ts";

export interface PullOptions extends Pick<LoadOptions, "platform" | "keepOwners"> {
  readonly mirrors: RegistryMirrors;
  readonly credentials: readonly Credential[];
}

const accepted = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const maxManifestBytes = 4 << 20;
const blobTimeoutMs = 600_000;

const digestOf = (content: string): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

async function readManifest(session: RegistrySession, reference: string): Promise<{ text: string; digest: string }> {
  const response = await session.get(`manifests/${reference}`, accepted);
  if (Number(response.headers.get("content-length") ?? 0) > maxManifestBytes) {
    await response.body?.cancel();
    throw new ImageError("Cannot pull: the manifest is longer than 4 MiB");
  }
  const text = await response.text();
  const digest = digestOf(text);
  if (reference.startsWith("sha256:") && reference !== digest) {
    throw new ImageError(`Cannot pull: the manifest ${reference} has the content of ${digest}`);
  }
  return { text, digest };
}

/** Down to the manifest for the platform, which is kept. */
async function pullManifest(
  store: ContentStore,
  session: RegistrySession,
  { reference, platform }: { reference: string; platform: PullOptions["platform"] },
): Promise<{ digest: string; repoDigest: string; parts: readonly Descriptor[] }> {
  const top = await readManifest(session, reference);
  const document = parseManifest(top.text);
  if ("layers" in document) {
    const digest = await store.writeBlob(top.text);
    return { digest, repoDigest: top.digest, parts: [document.config, ...document.layers] };
  }
  const [fitting] = forPlatform(document, platform);
  if (!fitting || fitting.digest === reference) throw new ImageError("Cannot pull: the index names no image");
  return { ...(await pullManifest(store, session, { reference: fitting.digest, platform })), repoDigest: top.digest };
}

async function pullBlob(store: ContentStore, session: RegistrySession, { digest, size }: Descriptor): Promise<void> {
  const present = await access(store.blob(digest)).then(
    () => true,
    () => false,
  );
  if (present) return;
  const directory = await store.makeIngest();
  try {
    const response = await session.get(`blobs/${digest}`);
    if (!response.body) throw new ImageError(`Cannot pull: ${digest} is empty`);
    const hash = createHash("sha256");
    let left = size;
    const check = new Transform({
      transform(chunk: Buffer, _, done) {
        hash.update(chunk);
        left -= chunk.length;
        done(left < 0 ? new ImageError(`Cannot pull: ${digest} is longer than ${size} bytes`) : null, chunk);
      },
    });
    const file = join(directory, "blob");
    const signal = AbortSignal.timeout(blobTimeoutMs);
    await pipeline(Readable.fromWeb(response.body as never), check, createWriteStream(file), { signal });
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw new ImageError(`Cannot pull: the layer ${digest} has the content of ${found}`);
    await rename(file, store.blob(digest));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Undefined: the user named no place for the image's registry. Rejects with ImageError when it cannot be had. */
export async function pullImage(
  store: ContentStore,
  reference: ImageReference,
  { mirrors, credentials, ...options }: PullOptions,
): Promise<ImageRef | undefined> {
  const { host, path } = splitRepository(reference);
  const base = Object.hasOwn(mirrors, host) ? mirrors[host] : undefined;
  if (base === undefined) return undefined;
  // Nothing is removed while its folder is there.
  const ingest = await store.makeIngest();
  try {
    const session = new RegistrySession({ base, path, credentials });
    const wanted = reference.digest ?? reference.tag ?? "latest";
    const { digest, repoDigest, parts } = await pullManifest(store, session, { reference: wanted, ...options });
    for (const part of parts) await pullBlob(store, session, part);
    const name = `${reference.repository}${reference.digest ? `@${reference.digest}` : `:${wanted}`}`;
    return await admit(store, { name, digest, ...(repoDigest !== digest && { repoDigest }) }, options);
  } finally {
    await rm(ingest, { recursive: true, force: true });
  }
}
