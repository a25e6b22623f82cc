import { cloneJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import { type ApiClient, isConflict } from "./client.ts";

const maxAttempts = 8;

/**
 * Reads the object, lets `change` make the new one from a private copy (undefined: nothing to do) and writes it; when
 * another writer came between, does so again. Returns what holds at the end.
 */
export async function retryOnConflict<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  {
    name,
    namespace,
    subresource,
    change,
  }: { name: string; namespace?: string; subresource?: string; change: (object: T) => T | undefined },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const present = await client.get(resource, name, namespace);
    const wanted = change(cloneJson(present));
    if (!wanted) return present;
    try {
      return await client.update(resource, wanted, subresource === undefined ? {} : { subresource });
    } catch (error) {
      if (!isConflict(error) || attempt >= maxAttempts) throw error;
    }
  }
}
