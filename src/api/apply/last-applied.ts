/** The annotation in which kubectl's client-side apply keeps its configuration, so that both kinds of apply get on. */
import { isJsonObject, type JsonObject } from "../json.ts";
import type { KubeObject, ObjectMeta } from "../object.ts";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The configuration that client-side apply wrote last, if it did. */
export function lastApplied(live: KubeObject | undefined): JsonObject | undefined {
  const text = live?.metadata.annotations?.[annotation];
  if (!text) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Anyone may write annotations: one that is no JSON is no configuration.
  }
}

/**
 * kubectl's server-side apply keeps the annotation up to date, where there is one, so that client-side apply can take
 * over again. This changes no owner: the annotation still belongs to client-side apply.
 */
export function withLastApplied(
  metadata: ObjectMeta,
  live: KubeObject,
  { config, manager }: { readonly config: JsonObject; readonly manager: string },
): ObjectMeta {
  if (manager !== "kubectl" || !lastApplied(live)) return metadata;
  const given = isJsonObject(config.metadata) ? config.metadata : {};
  const { [annotation]: _, ...annotations } = isJsonObject(given.annotations) ? given.annotations : {};
  const text = `${JSON.stringify({ ...config, metadata: { ...given, annotations } })}\n`;
  return { ...metadata, annotations: { ...metadata.annotations, [annotation]: text } };
}
