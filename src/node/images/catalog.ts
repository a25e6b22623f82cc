/** Finds the image of a container among the sources, or has it pulled. */
import type { Image, ImageResult, ImageSource } from "./image.ts";
import type { PullAnswer, PullRequest } from "./pull-service.ts";
import { type ImageReference, parseImageReference } from "./reference.ts";

export interface ResolveOptions {
  readonly pullPolicy: string;
  /** Of the Pod's imagePullSecrets; asked for when a registry is. */
  readonly credentials: (reference: ImageReference) => Promise<PullRequest["credentials"]>;
  /** A registry is about to be asked. */
  readonly onPull?: () => void;
}

export interface ImageCatalog {
  resolve(name: string, options: ResolveOptions): Promise<ImageResult>;
  /** Calls `listener` when an image that was not there may be there now; returns a function that ends it. */
  onChange(listener: () => void): () => void;
}

export interface ImageCatalogOptions {
  /** Images of everybody, which no registry is asked for. */
  readonly builtIn: ImageSource;
  readonly loaded: ImageSource;
  /** Whether the user named a place for the registry of an image. */
  readonly hasRegistry: (reference: ImageReference) => boolean;
  readonly pull: (request: PullRequest) => Promise<PullAnswer>;
}

type Found = Image | { readonly missing: string } | undefined;

function resultOf(found: Exclude<Found, undefined>, pulled?: { ms: number; sizeBytes: number }): ImageResult {
  if ("missing" in found) return { ok: false, reason: "ErrImagePull", message: found.missing };
  return { ok: true, image: found, ...(pulled && { pulled }) };
}

const unknownRegistry = (name: string): string =>
  `image "${name}" is not on this node, and fairlead pulls from no registry that it was not told of: save it to a file (docker save -o FILE ${name}) and run "fairlead image load FILE", start the cluster with "fairlead up --registry-mirror HOST=URL", or use a built-in image: fairlead/echo, busybox, host`;

export function createImageCatalog({ builtIn, loaded, hasRegistry, pull }: ImageCatalogOptions): ImageCatalog {
  async function pulled(name: string, reference: ImageReference, options: ResolveOptions): Promise<ImageResult> {
    const begunMs = Date.now();
    options.onPull?.();
    const answer = await pull({ name, credentials: await options.credentials(reference) });
    if (answer.kind !== "pulled") {
      const message = answer.kind === "failed" ? answer.message : unknownRegistry(name);
      return { ok: false, reason: "ErrImagePull", message };
    }
    const found = (await loaded.find(reference)) ?? { missing: `image "${name}" was pulled and is gone again` };
    return resultOf(found, { ms: Date.now() - begunMs, sizeBytes: answer.sizeBytes });
  }

  return {
    async resolve(name, options) {
      const reference = parseImageReference(name);
      if (!reference) {
        const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": invalid reference format`;
        return { ok: false, reason: "InvalidImageName", message };
      }
      const { pullPolicy } = options;
      const mayPull = pullPolicy !== "Never" && hasRegistry(reference);
      const local = await loaded.find(reference);
      // Where there is nobody to ask, Always has what is there.
      if (local && !(mayPull && pullPolicy === "Always")) return resultOf(local);
      const own = local ? undefined : await builtIn.find(reference);
      if (own) return resultOf(own);
      if (mayPull) return pulled(name, reference, options);
      if (pullPolicy === "Never") {
        const message = `Container image "${name}" is not present with pull policy of Never`;
        return { ok: false, reason: "ErrImageNeverPull", message };
      }
      return { ok: false, reason: "ErrImagePull", message: unknownRegistry(name) };
    },
    onChange: (listener) => loaded.onChange?.(listener) ?? (() => undefined),
  };
}
