/** Deletes what has lost its owners, and sees deletions in the foreground and with orphans through. */
import { type KubeObject, type OwnerReference, objectKey } from "../../api/object.ts";
import { isNotFound } from "../../client/client.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, nameOf } from "../context.ts";
import type { Collections } from "../discovery/collections.ts";
import { kindKey, resourceName } from "../discovery/served.ts";
import type { Collection } from "../informers.ts";
import { duty, foregroundFinalizer, judge, type OwnerState, orphanFinalizer } from "./compute.ts";

interface Dependent {
  readonly collection: Collection;
  readonly object: KubeObject;
}

export function startGarbageCollector(context: Context, collections: Collections): WorkQueue {
  const collector = new Collector(context, collections);
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
  collections.onCollection((collection) => {
    void collection.informer.synced.then(() => {
      for (const key of collector.takeWaiting(collection)) queue.add(key);
    });
    collection.informer.onChange(({ type, object }) => {
      if (type === "deleted") {
        for (const dependent of collector.dependentsOf(object)) queue.add(keyOf(dependent));
        addOwnersOf(object);
        return;
      }
      if (object.metadata.ownerReferences?.length || duty(object)) queue.add(keyOf({ collection, object }));
      if (type === "updated") addOwnersOf(object);
    });
  });
  return queue;
}

/** e.g. "replicasets.apps default/backend-x2x". */
const keyOf = ({ collection, object }: Dependent): string =>
  `${resourceName(collection.resource)} ${objectKey(object)}`;

/** "" for the core group. */
const groupOf = ({ apiVersion }: OwnerReference): string => apiVersion.split("/").at(-2) ?? "";

class Collector {
  readonly #client: Context["client"];
  readonly #collections: Collections;
  /** Keys of objects with an owner of a kind that is not followed (yet), by that kind. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor({ client }: Context, collections: Collections) {
    this.#client = client;
    this.#collections = collections;
  }

  async reconcile(key: string): Promise<void> {
    const [resource = "", name = ""] = key.split(" ");
    const collection = this.#collections.get(resource);
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

  /** Objects that had an owner of this kind when it was not followed yet: they are judged again. */
  takeWaiting({ resource }: Collection): ReadonlySet<string> {
    const keys = this.#waiting.get(kindKey(resource)) ?? new Set();
    this.#waiting.delete(kindKey(resource));
    return keys;
  }

  find(uid: string): Dependent | undefined {
    for (const collection of this.#collections.list()) {
      const [object] = collection.informer.byIndex("uid", uid);
      if (object) return { collection, object };
    }
    return undefined;
  }

  dependentsOf({ metadata }: KubeObject): Dependent[] {
    return this.#collections
      .list()
      .flatMap((collection) =>
        collection.informer.byIndex("owner", metadata.uid ?? "").map((object) => ({ collection, object })),
      );
  }

  async #judge({ collection, object }: Dependent): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    const states = new Map<string, OwnerState>();
    for (const owner of owners) states.set(owner.uid, await this.#stateOf(owner, { collection, object }));
    const verdict = judge(object, {
      stateOf: ({ uid }) => states.get(uid) ?? "present",
      hasDependents: this.dependentsOf(object).length > 0,
    });
    if (verdict.kind === "delete") await this.#delete({ collection, object }, verdict.propagationPolicy);
    if (verdict.kind === "release") await this.#setOwners({ collection, object }, verdict.ownerReferences);
  }

  /** What the cache does not know is asked of the server before anything is deleted for it. */
  async #stateOf(owner: OwnerReference, dependent: Dependent): Promise<OwnerState> {
    const { metadata } = dependent.object;
    const kind = { group: groupOf(owner), kind: owner.kind };
    const collection = this.#collections.find(kind);
    // Not ours to judge, unless it is a kind that was just added.
    if (!collection) {
      const waiting = this.#waiting.get(kindKey(kind)) ?? new Set();
      this.#waiting.set(kindKey(kind), waiting.add(keyOf(dependent)));
      return "present";
    }
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

  #setOwners(dependent: Dependent, ownerReferences: OwnerReference[]): Promise<void> {
    return this.#patch(dependent, { ownerReferences });
  }

  #removeFinalizer(dependent: Dependent, finalizer: string): Promise<void> {
    const finalizers = (dependent.object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    return this.#patch(dependent, { finalizers });
  }

  /** A patch, since of many kinds only the metadata is known; a conflict if the object changed meanwhile. */
  async #patch({ collection, object }: Dependent, metadata: Partial<KubeObject["metadata"]>): Promise<void> {
    const { uid = "", resourceVersion = "" } = object.metadata;
    const patch = { metadata: { uid, resourceVersion, ...metadata } };
    await this.#client.patch(collection.resource, nameOf(object), patch, { type: "merge" });
  }
}
