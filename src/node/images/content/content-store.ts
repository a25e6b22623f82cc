/**
 * What is kept of images, by digest, under `<dataDir>/images`; several agents and commands share it.
 *
 *   blobs/sha256/<hex>      manifests, configs, layers as they came
 *   refs/<name>.json        a name and the digest of its manifest
 *   roots/<hex>             a file system, unpacked once for all images with the same layers
 *   ingest/<random>/        what is being loaded: moved into place when it is whole
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hexOf, type ImageConfig, type Manifest, parseConfig, parseManifest } from "./manifest.ts";

export interface ImageRef {
  /** "<repository>:<tag>", without registry's default parts, e.g. "nginx:1.27"; "<repository>@<digest>" when pulled by it. */
  readonly name: string;
  /** Of its manifest for this machine's platform. */
  readonly digest: string;
  /** As the registry knows it: of the index, when there is one. */
  readonly repoDigest?: string;
  /** Of its layers as they came. */
  readonly sizeBytes: number;
  readonly loadedAtMs: number;
}

const chainOf = (below: string | undefined, diffId: string): string =>
  below === undefined ? diffId : `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`;

export class ContentStore {
  readonly directory: string;
  readonly refs: string;
  readonly roots: string;
  readonly blobs: string;
  readonly ingest: string;

  constructor(dataDir: string) {
    this.directory = join(dataDir, "images");
    this.refs = join(this.directory, "refs");
    this.roots = join(this.directory, "roots");
    this.blobs = join(this.directory, "blobs", "sha256");
    this.ingest = join(this.directory, "ingest");
  }

  /** Folders are made on demand; `images` itself must be there for a cluster of this data folder. */
  async open(): Promise<void> {
    for (const path of [this.refs, this.roots, this.blobs, this.ingest]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    }
  }

  blob(digest: string): string {
    return join(this.blobs, hexOf(digest));
  }

  /** By the digest of the layers' chain. Source: OCI image-spec, config.md, "Layer ChainID". */
  root({ rootfs }: ImageConfig): string {
    return join(this.roots, hexOf(rootfs.diff_ids.reduce(chainOf, undefined as string | undefined) ?? emptyDigest));
  }

  async readManifest(digest: string): Promise<Manifest> {
    const found = parseManifest(await readFile(this.blob(digest), "utf8"));
    if ("layers" in found) return found;
    throw new TypeError(`${digest} is an index`);
  }

  async readConfig({ config }: Manifest): Promise<ImageConfig> {
    return parseConfig(await readFile(this.blob(config.digest), "utf8"));
  }

  async writeBlob(content: string): Promise<string> {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const draft = join(this.ingest, randomUUID());
    await writeFile(draft, content);
    await rename(draft, this.blob(digest));
    return digest;
  }

  async listRefs(): Promise<readonly ImageRef[]> {
    const files = await readdir(this.refs).catch(() => []);
    const refs = await Promise.all(files.map((file) => this.#readRef(join(this.refs, file))));
    return refs.filter((ref) => ref !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  findRef(name: string): Promise<ImageRef | undefined> {
    return this.#readRef(this.#refFile(name));
  }

  async writeRef(ref: ImageRef): Promise<void> {
    const draft = join(this.ingest, randomUUID());
    await writeFile(draft, JSON.stringify(ref));
    await rename(draft, this.#refFile(ref.name));
  }

  async removeRef({ name }: Pick<ImageRef, "name">): Promise<void> {
    await rm(this.#refFile(name), { force: true });
  }

  /** An empty folder on the same file system as everything else. */
  async makeIngest(): Promise<string> {
    await this.open();
    const path = join(this.ingest, randomUUID());
    await mkdir(path, { mode: 0o700 });
    return path;
  }

  #refFile(name: string): string {
    return join(this.refs, `${encodeURIComponent(name)}.json`);
  }

  async #readRef(path: string): Promise<ImageRef | undefined> {
    try {
      return JSON.parse(await readFile(path, "utf8")) as ImageRef;
    } catch {
      // Removed in this moment, or never there.
      return undefined;
    }
  }
}

/** Of no bytes: the root of an image without layers. */
const emptyDigest = `sha256:${createHash("sha256").digest("hex")}`;
