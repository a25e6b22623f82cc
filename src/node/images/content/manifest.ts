/** The documents of an image (pure). Sources: OCI image-spec v1.1 (manifest.md, image-index.md, config.md, image-layout.md); Docker Image Specification v1.2. */

export class ImageError extends Error {}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

export interface Descriptor {
  readonly mediaType?: string;
  /** e.g. "sha256:<64 hexadecimal digits>". */
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface Index {
  readonly manifests: readonly Descriptor[];
}

export interface ImageConfig {
  readonly os?: string;
  readonly architecture?: string;
  readonly created?: string;
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly User?: string;
    readonly StopSignal?: string;
  };
  /** Digests of the layers, decompressed, from the lowest on. */
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** The hexadecimal digits; throws ImageError for another hash than sha256. */
export function hexOf(digest: string): string {
  if (!digestPattern.test(digest)) throw new ImageError(`Cannot use the digest "${digest}": it must be one of sha256`);
  return digest.slice("sha256:".length);
}

function parseJson(text: string, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw new ImageError(`Cannot read the image: its ${what} is not JSON`);
}

function descriptor(value: unknown): Descriptor {
  if (!isRecord(value) || typeof value.digest !== "string") {
    throw new ImageError("Cannot read the image: a descriptor has no digest");
  }
  hexOf(value.digest);
  return value as unknown as Descriptor;
}

export function parseManifest(text: string): Manifest | Index {
  const value = parseJson(text, "manifest");
  if (Array.isArray(value.manifests)) return { manifests: value.manifests.map(descriptor) };
  if (Array.isArray(value.layers)) return { config: descriptor(value.config), layers: value.layers.map(descriptor) };
  throw new ImageError("Cannot read the image: its manifest has neither layers nor manifests (schema 1 is too old)");
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

export function parseConfig(text: string): ImageConfig {
  const value = parseJson(text, "config");
  if (!isRecord(value.rootfs) || !isStrings(value.rootfs.diff_ids)) {
    throw new ImageError("Cannot read the image: its config names no layers");
  }
  return value as unknown as ImageConfig;
}

const format = ({ os, architecture }: Platform): string => `${os}/${architecture}`;

/** The manifests of an index that run on `platform`; those without a platform may be. Throws ImageError when there is none. */
export function forPlatform({ manifests }: Index, platform: Platform): readonly Descriptor[] {
  const fitting = manifests.filter(
    ({ platform: its }) => !its || (its.os === platform.os && its.architecture === platform.architecture),
  );
  if (fitting.length > 0) return fitting;
  const others = [...new Set(manifests.flatMap(({ platform: its }) => (its ? [format(its)] : [])))];
  throw new ImageError(
    `Cannot use the image on ${format(platform)}: it is made for ${others.filter((one) => one !== "unknown/unknown").join(", ") || "nothing"}`,
  );
}

export function checkPlatform({ os = "linux", architecture }: ImageConfig, platform: Platform): void {
  if (os === platform.os && (!architecture || architecture === platform.architecture)) return;
  throw new ImageError(
    `Cannot use the image on ${format(platform)}: it is made for ${format({ os, architecture: architecture ?? "?" })}`,
  );
}

export interface DockerImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

/** manifest.json of `docker save`: paths in the archive. */
export function parseDockerManifest(text: string): readonly DockerImage[] {
  const images: unknown = Object.values(parseJson(text, "manifest.json"));
  return (images as unknown[]).map((image) => {
    if (!isRecord(image) || typeof image.Config !== "string" || !isStrings(image.Layers)) {
      throw new ImageError("Cannot read the image: manifest.json names no config or no layers");
    }
    return { config: image.Config, layers: image.Layers, names: isStrings(image.RepoTags) ? image.RepoTags : [] };
  });
}
