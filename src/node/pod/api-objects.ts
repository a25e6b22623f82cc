/** ConfigMaps and Secrets that a Pod refers to, read when they are needed. */
import type { ConfigMap, KubeObject, Secret } from "../../api/object.ts";
import { configMaps, type Resource, secrets } from "../../api/resource.ts";
import { type ApiClient, isNotFound } from "../../client/client.ts";
import type { ConfigSource } from "../environment/environment.ts";

export interface ConfigReferences {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

async function readAll<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  { names, namespace }: { names: readonly string[]; namespace: string },
): Promise<ReadonlyMap<string, T>> {
  const read = async (name: string) => {
    try {
      return [[name, await client.get(resource, name, namespace)] as const];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  };
  return new Map((await Promise.all([...new Set(names)].map(read))).flat());
}

/** Throws when the API server cannot be asked; an object that does not exist is simply absent. */
export async function readConfigSource(
  client: ApiClient,
  references: ConfigReferences,
  namespace: string,
): Promise<ConfigSource> {
  const [configs, secretObjects] = await Promise.all([
    readAll<ConfigMap>(client, configMaps, { names: references.configMaps, namespace }),
    readAll<Secret>(client, secrets, { names: references.secrets, namespace }),
  ]);
  return { configMap: (name) => configs.get(name), secret: (name) => secretObjects.get(name) };
}
