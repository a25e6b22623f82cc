/** What an image name stands for on this machine: the seam between Pods and images. */
import type { Root } from "../runtime/container-runtime.ts";

export interface Image {
  /** e.g. "fairlead://busybox". */
  readonly id: string;
  readonly root: Root;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

export type ImageReason = "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName";

export type ImageResult =
  | { readonly ok: true; readonly image: Image }
  | { readonly ok: false; readonly reason: ImageReason; readonly message: string };

/** Images by repository name ("busybox"); a source that knows the name but cannot give it says why. */
export interface ImageSource {
  /** Undefined: not one of this source's. */
  find(repository: string): Promise<Image | { readonly missing: string } | undefined>;
}
