/** Makes real images for tests: layers, configs, manifests and the archives that hold them. */
import { createHash } from "node:crypto";
import { Header } from "tar";

export interface FileEntry {
  readonly path: string;
  readonly content?: string | Buffer;
  readonly type?: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice";
  readonly linkpath?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const blockBytes = 512;

export function tarOf(entries: readonly FileEntry[]): Buffer {
  const blocks = entries.flatMap(({ content = "", type, ...rest }) => {
    const body = Buffer.from(content);
    const kind =
      type ?? (rest.path.endsWith("/") ? "Directory" : rest.linkpath === undefined ? "File" : "SymbolicLink");
    const mode = rest.mode ?? (kind === "Directory" ? 0o755 : 0o644);
    const header = new Header({ uid: 0, gid: 0, ...rest, mode, type: kind, size: body.length, mtime: new Date(0) });
    header.encode();
    const padding = Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes);
    return [header.block ?? Buffer.alloc(0), body, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

export const digestOf = (content: string | Buffer): string =>
  `sha256:${createHash("sha256").update(content).digest("hex")}`;

export interface ImageParts {
  /** Each a tar, and what it is stored as. */
  readonly layers: readonly { readonly tar: Buffer; readonly blob?: Buffer }[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
}

const architecture = process.arch === "x64" ? "amd64" : process.arch;

/** The documents of an image: digest → content. */
export function documentsOf({ layers, config = {}, architecture: wanted = architecture }: ImageParts) {
  const blobs = new Map<string, Buffer>();
  const add = (content: string | Buffer, mediaType: string) => {
    const body = Buffer.from(content);
    blobs.set(digestOf(body), body);
    return { mediaType, digest: digestOf(body), size: body.length };
  };
  const rootfs = { type: "layers", diff_ids: layers.map(({ tar }) => digestOf(tar)) };
  const image = JSON.stringify({ os: "linux", architecture: wanted, config, rootfs });
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: add(image, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map(({ tar, blob }) => add(blob ?? tar, "application/vnd.oci.image.layer.v1.tar")),
  };
  return {
    blobs,
    config: manifest.config,
    layers: manifest.layers,
    manifest: add(JSON.stringify(manifest), manifest.mediaType),
  };
}

export function ociArchive(parts: ImageParts, name?: string): Buffer {
  const { blobs, manifest } = documentsOf(parts);
  const annotations = name === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": name } };
  const platform = { os: "linux", architecture: parts.architecture ?? architecture };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, platform, ...annotations }] };
  return tarOf([
    { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: "index.json", content: JSON.stringify(index) },
    ...[...blobs].map(([digest, content]) => ({ path: `blobs/sha256/${digest.slice("sha256:".length)}`, content })),
  ]);
}

/** As older versions of docker save write it. */
export function dockerArchive(parts: ImageParts, names: readonly string[]): Buffer {
  const { blobs, config, layers } = documentsOf(parts);
  const content = (digest: string) => blobs.get(digest) ?? "";
  const paths = layers.map((_, index) => `${index}/layer.tar`);
  const manifest = [{ Config: "config.json", RepoTags: names, Layers: paths }];
  return tarOf([
    ...layers.map(({ digest }, index) => ({ path: `${index}/layer.tar`, content: content(digest) })),
    { path: "config.json", content: content(config.digest) },
    { path: "manifest.json", content: JSON.stringify(manifest) },
  ]);
}
