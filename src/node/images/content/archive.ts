/** Loads images from an archive: an OCI image layout in a tar, or what `docker save` writes. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseImageReference } from "../reference.ts";
import { decompress } from "./compression.ts";
import type { ContentStore, ImageRef } from "./content-store.ts";
import {
  checkPlatform,
  type Descriptor,
  forPlatform,
  ImageError,
  type Manifest,
  type Platform,
  parseConfig,
  parseDockerManifest,
  parseManifest,
} from "./manifest.ts";
import { eachTarEntry, tarPath } from "./tar-entries.ts";
import { ensureRoot } from "./unpack.ts";

export interface LoadOptions {
  readonly platform: Platform;
  /** False where only one user exists. */
  readonly keepOwners: boolean;
  /** For an archive that names its only image not, or otherwise. */
  readonly name?: string;
}

interface ArchiveFile {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image of the archive, with its name as written there. */
interface Found {
  readonly name: string | undefined;
  /** Of the manifest. */
  readonly digest: string;
  readonly repoDigest?: string;
}

/** Names in the archive → files on disk that are named by a number: nothing of the archive becomes a path. */
class Archive {
  readonly #files = new Map<string, ArchiveFile>();
  readonly #links = new Map<string, string>();
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(source: AsyncIterable<Buffer>): Promise<void> {
    await eachTarEntry(await decompress(source), async (entry) => {
      const name = normalize(entry.path);
      const target = entry.linkpath ?? "";
      if (entry.type === "SymbolicLink") this.#links.set(name, normalize(join(name, "..", target)));
      else if (entry.type === "Link") this.#links.set(name, normalize(target));
      else if (entry.type === "File" || entry.type === "OldFile") this.#files.set(name, await this.#take(entry));
    });
  }

  find(name: string): ArchiveFile | undefined {
    const path = normalize(name);
    return this.#files.get(path) ?? this.#files.get(this.#links.get(path) ?? "");
  }

  async text(name: string): Promise<string> {
    const file = this.find(name);
    if (file) return readFile(file.path, "utf8");
    throw new ImageError(`Cannot read the archive: it has no file "${name}"`);
  }

  async #take(content: AsyncIterable<Buffer>): Promise<ArchiveFile> {
    const path = join(this.#directory, String(this.#files.size));
    const hash = createHash("sha256");
    let sizeBytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _, done) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline(content, measure, createWriteStream(path));
    return { path, sizeBytes, digest: `sha256:${hash.digest("hex")}` };
  }
}

const normalize = (path: string): string => (tarPath(join("/", path)) ?? []).join("/");
const blobName = ({ digest }: Pick<Descriptor, "digest">): string => digest.replace(":", "/").replace(/^/, "blobs/");

/** Moves a file of the archive to the blobs; its content must be what `digest` says. */
async function keep(store: ContentStore, archive: Archive, { name, digest }: { name: string; digest?: string }) {
  const file = archive.find(name);
  if (!file) throw new ImageError(`Cannot read the archive: it has no file "${name}"`);
  if (digest !== undefined && file.digest !== digest) {
    throw new ImageError(`Cannot load ${digest}: its content in the archive is ${file.digest}`);
  }
  await rename(file.path, store.blob(file.digest)).catch((error: NodeJS.ErrnoException) => {
    // Kept already: two images share it.
    if (error.code !== "ENOENT") throw error;
  });
  return file;
}

/** Names of an entry of index.json: containerd's is whole, the layout's own may be a mere tag. */
function ociName({ annotations }: Descriptor): string | undefined {
  const own = annotations?.["org.opencontainers.image.ref.name"];
  return annotations?.["io.containerd.image.name"] ?? (own && /[/:]/.test(own) ? own : undefined);
}

async function keepOciImage(
  store: ContentStore,
  archive: Archive,
  { entry, platform }: { entry: Descriptor; platform: Platform },
): Promise<Descriptor | undefined> {
  const document = parseManifest(await archive.text(blobName(entry)));
  if ("manifests" in document) {
    for (const inner of forPlatform(document, platform)) {
      if (archive.find(blobName(inner))) return keepOciImage(store, archive, { entry: inner, platform });
    }
    throw new ImageError(`Cannot load ${entry.digest}: the archive lacks its part for ${platform.architecture}`);
  }
  for (const part of [document.config, ...document.layers]) {
    await keep(store, archive, { name: blobName(part), digest: part.digest });
  }
  await keep(store, archive, { name: blobName(entry), digest: entry.digest });
  return entry;
}

async function fromOci(store: ContentStore, archive: Archive, platform: Platform): Promise<Found[]> {
  const index = parseManifest(await archive.text("index.json"));
  if (!("manifests" in index)) throw new ImageError("Cannot read the archive: its index.json names no manifests");
  const images: Found[] = [];
  for (const entry of forPlatform(index, platform)) {
    const kept = images.find(({ repoDigest, digest }) => (repoDigest ?? digest) === entry.digest);
    const manifest = kept ?? (await keepOciImage(store, archive, { entry, platform }));
    if (!manifest) continue;
    const { digest } = manifest;
    images.push({ name: ociName(entry), digest, ...(digest !== entry.digest && { repoDigest: entry.digest }) });
  }
  return images;
}

/** Docker's archives have no manifest: one is made of what they have. */
async function fromDocker(store: ContentStore, archive: Archive): Promise<Found[]> {
  const images: Found[] = [];
  for (const { config, layers, names } of parseDockerManifest(await archive.text("manifest.json"))) {
    const keepPart = async (name: string, mediaType: string): Promise<Descriptor> => {
      const { digest, sizeBytes } = await keep(store, archive, { name });
      return { mediaType, digest, size: sizeBytes };
    };
    const parts: Descriptor[] = [];
    for (const layer of layers) parts.push(await keepPart(layer, "application/vnd.oci.image.layer.v1.tar"));
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: await keepPart(config, "application/vnd.oci.image.config.v1+json"),
      layers: parts,
    };
    const digest = await store.writeBlob(JSON.stringify(manifest));
    images.push(...(names.length > 0 ? names : [undefined]).map((name) => ({ name, digest })));
  }
  return images;
}

function refName(name: string): string {
  const reference = parseImageReference(name);
  if (reference?.digest) return `${reference.repository}@${reference.digest}`;
  if (reference?.tag) return `${reference.repository}:${reference.tag}`;
  throw new ImageError(`Cannot use the name "${name}" for the image: it must be NAME or NAME:TAG`);
}

/** Checks the image, unpacks it and gives it its name. */
export async function admit(
  store: ContentStore,
  { name, digest, repoDigest }: { name: string; digest: string; repoDigest?: string },
  { platform, keepOwners }: Pick<LoadOptions, "platform" | "keepOwners">,
): Promise<ImageRef> {
  const manifest: Manifest = await store.readManifest(digest);
  const config = parseConfig(await readFile(store.blob(manifest.config.digest), "utf8"));
  checkPlatform(config, platform);
  await ensureRoot(store, { manifest, config }, { keepOwners });
  const sizeBytes = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const ref = { name: refName(name), digest, sizeBytes, loadedAtMs: Date.now(), ...(repoDigest && { repoDigest }) };
  const before = await store.findRef(ref.name);
  // Who waits for an image is woken by what is new only.
  if (before?.digest !== ref.digest || before.repoDigest !== ref.repoDigest) await store.writeRef(ref);
  return ref;
}

function named(images: readonly Found[], name: string | undefined): (Found & { name: string })[] {
  if (name !== undefined) {
    const [first] = images;
    const alone = new Set(images.map(({ digest }) => digest)).size === 1;
    if (!first || !alone) throw new ImageError("Cannot give the name: the archive does not hold exactly one image");
    return [{ ...first, name }];
  }
  return images.map((image) => {
    if (image.name !== undefined) return { ...image, name: image.name };
    throw new ImageError("Cannot load the image: the archive gives it no name; say it with --name NAME");
  });
}

/** All images of the archive, or none but their parts when one of them cannot be used. */
export async function loadArchive(
  store: ContentStore,
  source: AsyncIterable<Buffer>,
  options: LoadOptions,
): Promise<readonly ImageRef[]> {
  if (options.name !== undefined) refName(options.name);
  const directory = await store.makeIngest();
  try {
    const archive = new Archive(directory);
    await archive.read(source);
    const docker = archive.find("manifest.json");
    if (!docker && !archive.find("index.json")) {
      throw new ImageError("Cannot read the archive: it is neither an OCI image layout nor what docker save writes");
    }
    const oci = archive.find("index.json") ? await fromOci(store, archive, options.platform) : [];
    // Newer docker save writes both: index.json keeps the digests, and has the names from Docker 25 on.
    const useOci = oci.length > 0 && (!docker || oci.every(({ name }) => name !== undefined));
    const images = named(useOci ? oci : await fromDocker(store, archive), options.name);
    const refs: ImageRef[] = [];
    for (const image of images) refs.push(await admit(store, image, options));
    return refs;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
