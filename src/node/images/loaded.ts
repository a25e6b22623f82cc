/** Images that were loaded from files or pulled. */
import { mkdirSync, watch } from "node:fs";
import { arch } from "node:os";
import type { Overlay } from "../runtime/container-runtime.ts";
import { ContentStore, type ImageRef } from "./content/content-store.ts";
import type { Platform } from "./content/manifest.ts";
import type { Image, ImageSource } from "./image.ts";
import type { ImageReference } from "./reference.ts";

/** Go's names, which images use. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", ia32: "386", arm: "arm" };

export const machinePlatform = (): Platform => ({ os: "linux", architecture: architectures[arch()] ?? arch() });

export interface LoadedImagesOptions {
  readonly dataDir: string;
  /** False where only one user exists. */
  readonly keepOwners: boolean;
  /** Whether containers get an overlay on the image's root or a copy of it; asked once. */
  readonly overlay: () => Promise<Overlay | undefined>;
}

/** Of "<repository>:<tag>" or "<repository>@<digest>". */
const repositoryOf = ({ name }: ImageRef): string => name.replace(/@.*$|:[^/:]*$/, "");

async function findRef(
  store: ContentStore,
  { repository, tag, digest }: ImageReference,
): Promise<ImageRef | undefined> {
  if (digest === undefined) return store.findRef(`${repository}:${tag}`);
  const refs = await store.listRefs();
  return refs.find((ref) => repositoryOf(ref) === repository && (ref.digest === digest || ref.repoDigest === digest));
}

async function open(store: ContentStore, ref: ImageRef, options: LoadedImagesOptions): Promise<Image> {
  // Only a node that runs such an image reads tar archives.
  const [{ ensureRoot }, { imageOfConfig }] = await Promise.all([
    import("./content/unpack.ts"),
    import("./content/image-of-config.ts"),
  ]);
  const manifest = await store.readManifest(ref.digest);
  const config = await store.readConfig(manifest);
  const directory = await ensureRoot(store, { manifest, config }, options);
  const overlay = await options.overlay();
  return imageOfConfig(config, {
    id: `${repositoryOf(ref)}@${ref.digest}`,
    root: { kind: "unpacked", directory, ...(overlay && { overlay }) },
  });
}

export function createLoadedImages(given: LoadedImagesOptions): ImageSource {
  let overlay: ReturnType<typeof given.overlay> | undefined;
  const options: LoadedImagesOptions = {
    ...given,
    overlay: () => {
      overlay ??= given.overlay();
      return overlay;
    },
  };
  const store = new ContentStore(options.dataDir);
  return {
    async find(reference) {
      const ref = await findRef(store, reference);
      if (!ref) return undefined;
      try {
        return await open(store, ref, options);
      } catch (error) {
        return { missing: `image "${ref.name}" is loaded but cannot be used: ${(error as Error).message}` };
      }
    },
    onChange(listener) {
      mkdirSync(store.refs, { recursive: true, mode: 0o700 });
      const watcher = watch(store.refs, listener);
      return () => watcher.close();
    },
  };
}
