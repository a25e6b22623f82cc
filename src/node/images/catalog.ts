/** Finds the image of a container among the sources. */
import type { ImageResult, ImageSource } from "./image.ts";
import { parseImageReference } from "./reference.ts";

export interface ImageCatalog {
  resolve(name: string, options: { pullPolicy: string }): Promise<ImageResult>;
  /** Calls `listener` when an image that was not there may be there now; returns a function that ends it. */
  onChange(listener: () => void): () => void;
}

export function createImageCatalog(sources: readonly ImageSource[]): ImageCatalog {
  return {
    async resolve(name, { pullPolicy }) {
      const reference = parseImageReference(name);
      if (!reference) {
        const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": invalid reference format`;
        return { ok: false, reason: "InvalidImageName", message };
      }
      for (const source of sources) {
        const found = await source.find(reference);
        if (found && "missing" in found) return { ok: false, reason: "ErrImagePull", message: found.missing };
        if (found) return { ok: true, image: found };
      }
      if (pullPolicy === "Never") {
        const message = `Container image "${name}" is not present with pull policy of Never`;
        return { ok: false, reason: "ErrImageNeverPull", message };
      }
      const message = `image "${name}" is not on this node, and fairlead pulls from no registry: save it to a file (docker save -o FILE ${name}) and run "fairlead image load FILE", or use a built-in image: fairlead/echo, busybox, host`;
      return { ok: false, reason: "ErrImagePull", message };
    },
    onChange(listener) {
      const stops = sources.map((source) => source.onChange?.(listener));
      return () => {
        for (const stop of stops) stop?.();
      };
    },
  };
}
