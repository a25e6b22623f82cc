/** Keeps the system's namespaces, and empties and finalizes those that are being deleted. */
import type { KubeObject, Namespace } from "../../api/object.ts";
import { events, pathOf, type Resource, namespaces as resource } from "../../api/resource.ts";
import { isAlreadyExists, isNotFound } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, nameOf } from "../context.ts";
import { collectionsOf } from "../informers.ts";

export const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
const finalizer = "kubernetes";

export function startNamespaceController(context: Context): WorkQueue {
  const { client, informers } = context;
  const { namespaces } = informers;
  const contents = collectionsOf(informers).filter(({ resource: { namespaced } }) => namespaced);

  const reconcile = async (name: string): Promise<Again | undefined> => {
    const namespace = namespaces.get(name);
    if (!namespace) {
      if (systemNamespaces.includes(name)) await ensure(name);
      return undefined;
    }
    if (!namespace.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(finalizer)) return undefined;
    await Promise.all(contents.map((one) => empty(one.resource, one.informer.byIndex("namespace", name))));
    if (contents.some(({ informer }) => informer.byIndex("namespace", name).length > 0)) return undefined;
    if (await hasUnseen(name)) return { afterMs: 20 };
    await client.raw("DELETE", pathOf(events, { namespace: name }));
    await finalize(namespace);
    return undefined;
  };

  const ensure = async (name: string): Promise<void> => {
    const labels = { "kubernetes.io/metadata.name": name };
    try {
      await client.create(resource, { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };

  /** Asks for each deletion once; the objects' own finalizers and graceful ends may take their time. */
  const empty = async (of: Resource, objects: readonly KubeObject[]): Promise<void> => {
    const living = objects.filter(({ metadata }) => !metadata.deletionTimestamp);
    await Promise.all(
      living.map(async (object) => {
        try {
          await client.delete(of, nameOf(object), { propagationPolicy: "Background" });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
  };

  /** The caches may lag behind: the last word is the server's. */
  const hasUnseen = async (namespace: string): Promise<boolean> => {
    const lists = contents.map((one) => client.list(one.resource, { namespace, limit: 1 }));
    return (await Promise.all(lists)).some(({ items }) => items.length > 0);
  };

  const finalize = async (namespace: Namespace): Promise<void> => {
    const finalizers = namespace.spec?.finalizers?.filter((one) => one !== finalizer) ?? [];
    await client.update(resource, { ...namespace, spec: { finalizers } }, { subresource: "finalize" });
  };

  const queue = createQueue(context, { name: "namespace", reconcile });
  for (const name of systemNamespaces) queue.add(name);
  namespaces.onChange(({ object }) => queue.add(object.metadata.name));
  for (const { informer } of contents) {
    informer.onChange(({ type, object }) => {
      const namespace = namespaces.get(object.metadata.namespace ?? "");
      if (type !== "updated" && namespace?.metadata.deletionTimestamp) queue.add(namespace.metadata.name);
    });
  }
  return queue;
}
