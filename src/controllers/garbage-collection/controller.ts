/** Deletes what has lost its owners, and sees deletions in the foreground and with orphans through. */
import { type KubeObject, type OwnerReference, objectKey } from "../../api/object.ts";
import { apiVersionOf } from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, nameOf } from "../context.ts";
import { type Collection, collectionsOf } from "../informers.ts";
import { duty, foregroundFinalizer, judge, type OwnerState, orphanFinalizer } from "./compute.ts";

interface Dependent {
  readonly collection: Collection;
  readonly object: KubeObject;
}

export function startGarbageCollector(context: Context): WorkQueue {
  const collector = new Collector(context);
  const queue = createQueue(context, {
    name: "garbage-collection",
    concurrency: 10,
    reconcile: (key) => collector.reconcile(key),
  });
  const addOwnersOf = ({ metadata }: KubeObject) => {
    for (const { uid } of metadata.ownerReferences ?? []) {
      const owner = collector.find(uid);
      if (owner && duty(owner.object)) queue.add(keyOf(owner));
    }
  };
  for (const collection of collector.collections) {
    collection.informer.onChange(({ type, object }) => {
      if (type === "deleted") {
        for (const dependent of collector.dependentsOf(object)) queue.add(keyOf(dependent));
        addOwnersOf(object);
        return;
      }
      if (object.metadata.ownerReferences?.length || duty(object)) queue.add(keyOf({ collection, object }));
      if (type === "updated") addOwnersOf(object);
    });
  }
  return queue;
}

/** e.g. "pods default/backend-x2x". */
const keyOf = ({ collection, object }: Dependent): string => `${collection.resource.plural} ${objectKey(object)}`;

class Collector {
  readonly collections: readonly Collection[];
  readonly #client: Context["client"];
  readonly #byPlural: ReadonlyMap<string, Collection>;
  readonly #byKind: ReadonlyMap<string, Collection>;

  constructor({ client, informers }: Context) {
    this.#client = client;
    this.collections = collectionsOf(informers);
    this.#byPlural = new Map(this.collections.map((one) => [one.resource.plural, one]));
    const kindKey = ({ resource }: Collection) => `${apiVersionOf(resource)} ${resource.kind}`;
    this.#byKind = new Map(this.collections.map((one) => [kindKey(one), one]));
  }

  async reconcile(key: string): Promise<void> {
    const [plural = "", name = ""] = key.split(" ");
    const collection = this.#byPlural.get(plural);
    const object = collection?.informer.get(name);
    if (!collection || !object) return;
    switch (duty(object)) {
      case "foreground":
        return this.#deleteDependents({ collection, object });
      case "orphan":
        return this.#orphanDependents({ collection, object });
      default:
        return this.#judge({ collection, object });
    }
  }

  find(uid: string): Dependent | undefined {
    for (const collection of this.collections) {
      const [object] = collection.informer.byIndex("uid", uid);
      if (object) return { collection, object };
    }
    return undefined;
  }

  dependentsOf({ metadata }: KubeObject): Dependent[] {
    return this.collections.flatMap((collection) =>
      collection.informer.byIndex("owner", metadata.uid ?? "").map((object) => ({ collection, object })),
    );
  }

  async #judge({ collection, object }: Dependent): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    const states = new Map<string, OwnerState>();
    for (const owner of owners) states.set(owner.uid, await this.#stateOf(owner, object));
    const verdict = judge(object, {
      stateOf: ({ uid }) => states.get(uid) ?? "present",
      hasDependents: this.dependentsOf(object).length > 0,
    });
    if (verdict.kind === "delete") await this.#delete({ collection, object }, verdict.propagationPolicy);
    if (verdict.kind === "release") await this.#setOwners({ collection, object }, verdict.ownerReferences);
  }

  /** What the cache does not know is asked of the server before anything is deleted for it. */
  async #stateOf(owner: OwnerReference, { metadata }: KubeObject): Promise<OwnerState> {
    const collection = this.#byKind.get(`${owner.apiVersion} ${owner.kind}`);
    // Owners of a kind that is not followed here are not ours to judge.
    if (!collection) return "present";
    const namespace = collection.resource.namespaced ? metadata.namespace : undefined;
    const cached = collection.informer.get(namespace ? `${namespace}/${owner.name}` : owner.name);
    if (cached?.metadata.uid === owner.uid) return duty(cached) === "foreground" ? "waiting" : "present";
    try {
      const live = await this.#client.get(collection.resource, owner.name, namespace);
      return live.metadata.uid === owner.uid ? "present" : "absent";
    } catch (error) {
      if (isNotFound(error)) return "absent";
      throw error;
    }
  }

  async #deleteDependents(owner: Dependent): Promise<void> {
    const dependents = this.dependentsOf(owner.object);
    const uid = owner.object.metadata.uid ?? "";
    const blocks = ({ object }: Dependent) =>
      object.metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion);
    await Promise.all(dependents.map((dependent) => this.#judge(dependent)));
    if (!dependents.some(blocks)) await this.#removeFinalizer(owner, foregroundFinalizer);
  }

  async #orphanDependents(owner: Dependent): Promise<void> {
    const { uid } = owner.object.metadata;
    await Promise.all(
      this.dependentsOf(owner.object).map((dependent) => {
        const others = (dependent.object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
        return this.#setOwners(dependent, others);
      }),
    );
    await this.#removeFinalizer(owner, orphanFinalizer);
  }

  async #delete({ collection, object }: Dependent, propagationPolicy: "Foreground" | "Background"): Promise<void> {
    const { uid = "", resourceVersion = "" } = object.metadata;
    // Not if it changed meanwhile: it may have found another owner.
    const preconditions = { uid, resourceVersion };
    await this.#client.delete(collection.resource, nameOf(object), { propagationPolicy, preconditions });
  }

  async #setOwners({ collection, object }: Dependent, ownerReferences: OwnerReference[]): Promise<void> {
    await this.#client.update(collection.resource, { ...object, metadata: { ...object.metadata, ownerReferences } });
  }

  async #removeFinalizer({ collection, object }: Dependent, finalizer: string): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    await this.#client.update(collection.resource, { ...object, metadata: { ...object.metadata, finalizers } });
  }
}
