/** Which images the Pods of the running cluster need. */
import type { Pod } from "../api/object.ts";
import { pods } from "../api/resource.ts";
import { loadKubeconfig } from "../client/kubeconfig.ts";
import { createClient } from "../client/rest.ts";
import { isAlive } from "../kernel/processes.ts";
import { createLog } from "../lib/log.ts";
import { parseImageReference } from "../node/images/reference.ts";
import { readState } from "./data-dir.ts";

export interface ImageUse {
  /** "default/web", to say who. */
  readonly pod: string;
  /** "nginx:1.27", without registry's default parts; a digest in place of the tag is after "@". */
  readonly name: string;
  /** Of the manifest that its container runs by, once it does. */
  readonly digest: string | undefined;
}

function usesOf({ metadata, spec, status }: Pod): ImageUse[] {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return [];
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ name, image = "" }) => {
    const reference = parseImageReference(image);
    if (!reference) return [];
    const { repository, tag, digest } = reference;
    const imageId = statuses.find((one) => one.name === name)?.imageID;
    return {
      pod: `${metadata.namespace}/${metadata.name}`,
      name: digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`,
      digest: imageId?.includes("@") ? imageId.slice(imageId.indexOf("@") + 1) : undefined,
    };
  });
}

/** Empty when no cluster runs with the data folder. */
export async function imageUses(dataDir: string): Promise<readonly ImageUse[]> {
  const state = readState(dataDir);
  if (!state || !isAlive(state.supervisor)) return [];
  const { path, context } = state.kubeconfig;
  const client = createClient(await loadKubeconfig(path, { context }), {
    userAgent: "fairlead-image",
    log: createLog(undefined, { level: "error" }),
  });
  return (await client.list(pods)).items.flatMap(usesOf);
}
