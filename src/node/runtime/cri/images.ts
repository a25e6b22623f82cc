/** Hands images of the content store to containerd, which has a store of its own. */
import { ContentStore } from "../../images/content/content-store.ts";
import type { CriClient } from "./client.ts";
import { writePlainManifest } from "./plain-manifest.ts";

export interface CriImagesOptions {
  readonly client: CriClient;
  readonly dataDir: string;
  /** Of `serveRegistry` on the machine's loopback. */
  readonly registryPort: number;
  readonly cluster: string;
}

/** In names of images, so that nobody's but this cluster's are removed with it. */
const repositoryOf = (cluster: string): string => `fairlead/${cluster.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;

export class CriImages {
  readonly #options: CriImagesOptions;
  readonly #store: ContentStore;

  constructor(options: CriImagesOptions) {
    this.#options = options;
    this.#store = new ContentStore(options.dataDir);
  }

  /** Of "<repository>@<digest>"; returns the name by which containers are made of it. */
  async ensure(imageId: string): Promise<string> {
    const { client, registryPort, cluster } = this.#options;
    const digest = imageId.slice(imageId.lastIndexOf("@") + 1);
    // An image's own name there is the digest of its config, whoever brought it.
    const own = (await this.#store.readManifest(digest)).config.digest;
    const { image } = await client.call("imageStatus", { image: { image: own } });
    if (image) return image.id;
    const manifest = await writePlainManifest(this.#store, digest);
    const name = `127.0.0.1:${registryPort}/${repositoryOf(cluster)}@${manifest}`;
    const { imageRef } = await client.call("pullImage", { image: { image: name } });
    return imageRef;
  }
}

/** Removes the images that came from this cluster and have no other name. */
export async function removeClusterImages(client: CriClient, cluster: string): Promise<void> {
  const ours = (name: string): boolean => name.includes(`/${repositoryOf(cluster)}@`);
  const { images } = await client.call("listImages", {});
  for (const { id, repoTags, repoDigests } of images) {
    const names = [...repoTags, ...repoDigests];
    if (names.length > 0 && names.every(ours)) await client.call("removeImage", { image: { image: id } });
  }
}
