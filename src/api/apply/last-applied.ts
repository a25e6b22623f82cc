/** The annotation in which kubectl's client-side apply keeps its configuration, so that both kinds of apply get on. */
import { isJsonObject, type JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";

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

/** kubectl's server-side apply carries the annotation on, where there is one, so that client-side apply can take over again. */
export function withLastApplied(config: JsonObject, live: KubeObject | undefined, manager: string): JsonObject {
  if (manager !== "kubectl" || !lastApplied(live)) return config;
  const metadata = isJsonObject(config.metadata) ? config.metadata : {};
  const { [annotation]: _, ...annotations } = isJsonObject(metadata.annotations) ? metadata.annotations : {};
  const bare = { ...config, metadata: { ...metadata, annotations } };
  return {
    ...config,
    metadata: { ...metadata, annotations: { ...annotations, [annotation]: `${JSON.stringify(bare)}\n` } },
  };
}
