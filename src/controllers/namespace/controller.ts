/** Keeps the system's namespaces, and empties and finalizes those that are being deleted. */

import type { Namespace } from "../../api/object.ts";
import { events, pathOf, type Resource, namespaces as resource } from "../../api/resource.ts";
import { systemNamespaces } from "../../api/system-namespaces.ts";
import { isAlreadyExists, isNotFound } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, nameOf } from "../context.ts";
import type { Collections } from "../discovery/collections.ts";
import { collectionsOf } from "../informers.ts";

const finalizer = "kubernetes";

/** While something remains that no event tells of, e.g. a custom object that waits for its finalizer. */
const againMs = 100;

export function startNamespaceController(context: Context, collections: Collections): WorkQueue {
  const { client, informers } = context;
  const { namespaces } = informers;
  /** What a namespace still held when it was looked into; the rest is looked at again at the end. */
  const remaining = new Map<string, readonly Resource[]>();

  const reconcile = async (name: string): Promise<Again | undefined> => {
    const namespace = namespaces.get(name);
    if (!namespace) {
      remaining.delete(name);
      if (systemNamespaces.includes(name)) await ensure(name);
      return undefined;
    }
    if (!namespace.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(finalizer)) return undefined;
    if ((await empty(name, remaining.get(name) ?? [])) || (await empty(name, await contents()))) {
      return { afterMs: againMs };
    }
    await client.raw("DELETE", pathOf(events, { namespace: name }));
    await finalize(namespace);
    return undefined;
  };

  /** Asked of the server each time: a kind that was added a moment ago counts, too. */
  const contents = async (): Promise<Resource[]> => {
    const served = await collections.served();
    const emptied = ["list", "delete"];
    return served.filter(
      ({ namespaced, kind, verbs }) => namespaced && kind !== "Event" && emptied.every((verb) => verbs.includes(verb)),
    );
  };

  /** True: something is left. */
  const empty = async (namespace: string, resources: readonly Resource[]): Promise<boolean> => {
    const left = await Promise.all(resources.map((one) => deleteAll(one, namespace)));
    remaining.set(
      namespace,
      resources.filter((_, index) => left[index]),
    );
    return left.some(Boolean);
  };

  /** Asks for each deletion once; the objects' own finalizers and graceful ends may take their time. */
  const deleteAll = async (of: Resource, namespace: string): Promise<boolean> => {
    const { items } = await client.list(of, { namespace, limit: 500 });
    const living = items.filter(({ metadata }) => !metadata.deletionTimestamp);
    await Promise.all(
      living.map(async (object) => {
        try {
          await client.delete(of, nameOf(object), { propagationPolicy: "Background" });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    return items.length > 0;
  };

  const ensure = async (name: string): Promise<void> => {
    const labels = { "kubernetes.io/metadata.name": name };
    try {
      await client.create(resource, { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };

  const finalize = async (namespace: Namespace): Promise<void> => {
    const finalizers = namespace.spec?.finalizers?.filter((one) => one !== finalizer) ?? [];
    await client.update(resource, { ...namespace, spec: { finalizers } }, { subresource: "finalize" });
  };

  const queue = createQueue(context, { name: "namespace", reconcile });
  for (const name of systemNamespaces) queue.add(name);
  namespaces.onChange(({ object }) => queue.add(object.metadata.name));
  for (const { resource: of, informer } of collectionsOf(informers)) {
    if (!of.namespaced) continue;
    informer.onChange(({ type, object }) => {
      const namespace = namespaces.get(object.metadata.namespace ?? "");
      if (type === "deleted" && namespace?.metadata.deletionTimestamp) queue.add(namespace.metadata.name);
    });
  }
  return queue;
}
