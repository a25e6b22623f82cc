/** Credentials for the registry of an image, from the Pod's imagePullSecrets. */
import type { Pod } from "../../api/object.ts";
import { splitRepository } from "../images/content/registry-url.ts";
import { type Credential, credentialsFor } from "../images/pull-secret.ts";
import type { ImageReference } from "../images/reference.ts";
import { readConfigSource } from "./api-objects.ts";
import type { PodContext } from "./pod-context.ts";

/** Source: core/v1 PodSpec.imagePullSecrets: one that is missing does not keep the image from being pulled. */
export async function pullCredentials(
  { client, recorder }: PodContext,
  pod: Pod,
  reference: ImageReference,
): Promise<readonly Credential[]> {
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
  if (names.length === 0) return [];
  const { namespace = "default" } = pod.metadata;
  const source = await readConfigSource(client, { configMaps: [], secrets: names }, namespace);
  const missing = names.filter((name) => !source.secret(name));
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
    recorder.record(pod, { type: "Warning", reason: "FailedToRetrieveImagePullSecret", message });
  }
  const { host } = splitRepository(reference);
  return names.flatMap((name) => credentialsFor(host, source.secret(name)?.data ?? {}));
}
