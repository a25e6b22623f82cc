/** Gives an in-memory client the label selectors that the proxy uses ("!key"): an object that leaves the selection looks deleted. */
import type { KubeObject } from "../../api/object.ts";
import { objectKey } from "../../api/object.ts";
import type { Resource } from "../../api/resource.ts";
import type { ApiClient, ListOptions, WatchedEvent } from "../../client/client.ts";

export function selectingClient(client: ApiClient): ApiClient {
  return {
    get: (resource, name, namespace) => client.get(resource, name, namespace),
    create: (resource, object, options) => client.create(resource, object, options),
    update: (resource, object, options) => client.update(resource, object, options),
    patch: (resource, target, patch, options) => client.patch(resource, target, patch, options),
    delete: (resource, target, options) => client.delete(resource, target, options),
    raw: (method, path, body) => client.raw(method, path, body),
    async list(resource, options = {}) {
      const list = await client.list(resource, without(options));
      return { ...list, items: list.items.filter((object) => isSelected(object, options)) };
    },
    watch: (resource, options) => watchSelected(client, resource, options),
  };
}

type WatchOptions = Parameters<ApiClient["watch"]>[1];

async function* watchSelected<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  options: WatchOptions,
): AsyncGenerator<readonly WatchedEvent<T>[]> {
  const inside = new Set(
    (await client.list(resource, without(options))).items.filter((o) => isSelected(o, options)).map(objectKey),
  );
  for await (const events of client.watch(resource, { ...without(options), ...pick(options) })) {
    const selected: WatchedEvent<T>[] = [];
    for (const event of events) {
      if (event.type === "BOOKMARK") {
        selected.push(event);
        continue;
      }
      const key = objectKey(event.object);
      if (isSelected(event.object, options)) {
        inside.add(key);
        selected.push(event);
      } else if (inside.delete(key)) selected.push({ type: "DELETED", object: event.object });
    }
    yield selected;
  }
}

const pick = ({ signal, sendInitialEvents, allowWatchBookmarks }: WatchOptions) => ({
  signal,
  ...(sendInitialEvents === undefined ? {} : { sendInitialEvents }),
  ...(allowWatchBookmarks === undefined ? {} : { allowWatchBookmarks }),
});

function without({ labelSelector: _labels, fieldSelector: _fields, ...options }: ListOptions): ListOptions {
  return options;
}

function isSelected({ metadata }: KubeObject, { labelSelector = "", fieldSelector = "" }: ListOptions): boolean {
  if (fieldSelector && fieldSelector !== `metadata.name=${metadata.name}`) return false;
  return !labelSelector || !(labelSelector.slice(1) in (metadata.labels ?? {}));
}
