/** What an image name stands for on this machine: the seam between Pods and images. */
import type { Root } from "../runtime/container-runtime.ts";
import type { ImageReference } from "./reference.ts";

export interface Image {
  /** e.g. "fairlead://busybox". */
  readonly id: string;
  readonly root: Root;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** As the image names it: "1000", "app:staff"; absent: user 0. */
  readonly user?: string;
  /** What asks its command to end; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

export type ImageReason = "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName";

export type ImageResult =
  | {
      readonly ok: true;
      readonly image: Image;
      /** Absent when it was on the node. */
      readonly pulled?: { readonly ms: number; readonly sizeBytes: number };
    }
  | { readonly ok: false; readonly reason: ImageReason; readonly message: string };

/** Images by name ("busybox"); a source that knows the name but cannot give it says why. */
export interface ImageSource {
  /** Undefined: not one of this source's. */
  find(reference: ImageReference): Promise<Image | { readonly missing: string } | undefined>;
  /** Calls `listener` when a name is new or stands for another image; returns a function that ends it. */
  onChange?(listener: () => void): () => void;
}
