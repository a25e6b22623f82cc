/** What runs a container: by the Pod's RuntimeClass, else as the cluster was told. Source: core/v1 PodSpec.runtimeClassName, node/v1 RuntimeClass. */
import type { PodSpec } from "kubernetes-types/core/v1";
import { runtimeClasses } from "../../api/resource.ts";
import type { ApiClient } from "../../client/client.ts";
import type { Image } from "../images/image.ts";
import { ociRuntimes } from "../runtime/oci/programs.ts";
import { processHandler } from "../runtime/process-engine.ts";

export interface Handlers {
  /** For images of Pods without a RuntimeClass. */
  readonly usual: string;
  /** All that this node has. */
  readonly there: readonly string[];
}

interface HandlerContext {
  readonly client: Pick<ApiClient, "get">;
  readonly handlers: Handlers;
}

/** Another name of the default. */
const ownName = "fairlead";

/** Rejects with one sentence when the class or its handler is not there: the Pod does not run. */
export async function podHandler(
  { client, handlers: { usual, there } }: HandlerContext,
  { runtimeClassName }: Pick<PodSpec, "runtimeClassName">,
): Promise<string> {
  if (!runtimeClassName) return usual;
  const { handler } = await client.get(runtimeClasses, runtimeClassName);
  if (handler === ownName) return processHandler;
  if (there.includes(handler)) return handler;
  const remedy = (ociRuntimes as readonly string[]).includes(handler)
    ? `install the program ${handler} (Debian package ${handler}) and start the cluster anew`
    : `the handler of RuntimeClass ${runtimeClassName} must be one of ${there.join(", ")}`;
  throw new Error(`no runtime for "${handler}" is configured: ${remedy}`);
}

/** The machine's own programs are no images: they are processes of it in every case. */
export function imageHandler(ofPod: string, { root }: Pick<Image, "root">): string {
  return root.kind === "unpacked" ? ofPod : processHandler;
}
