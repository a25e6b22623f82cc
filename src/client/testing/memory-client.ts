/**
 * An API server's semantics in memory, for tests of what stands over ApiClient: resource versions and conflicts,
 * uids, generation, the status, binding and finalize subresources, finalizers and graceful deletion, watches with
 * history. It neither defaults nor validates.
 */
import { randomUUID } from "node:crypto";
import { apiGroupList, apiResourceList } from "../../api/discovery.ts";
import { kinds } from "../../api/kinds/mod.ts";
import { type KubeObject, objectKey, type Pod } from "../../api/object.ts";
import { apiVersionOf, pathOf, type Resource } from "../../api/resource.ts";
import { type ApiClient, ApiError, type ListOptions, type WatchedEvent } from "../client.ts";
import { deepFreeze, type Generic, graceOf, holdsNamespace, matches, mergePatch, out, same } from "./generic-object.ts";

interface LogEntry {
  readonly revision: number;
  readonly event: { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Generic };
}

interface Collection {
  readonly objects: Map<string, Generic>;
  log: LogEntry[];
  /** Watches from before this revision are answered 410. */
  compacted: number;
  wake: Set<() => void>;
}

interface Write {
  readonly verb: "create" | "update" | "patch" | "delete";
  readonly plural: string;
  readonly name: string;
  readonly subresource: string | undefined;
}

export interface MemoryClient extends ApiClient {
  /** Every write that succeeded, in order. */
  readonly writes: Write[];
  /** Drops the history, so that watches from older revisions get 410 Gone, and ends the open ones. */
  compact(): void;
}

const fail = (code: number, reason: string, message: string): never => {
  throw new ApiError({ kind: "Status", status: "Failure", code, reason, message });
};

export function createMemoryClient({ now = () => Date.now() }: { now?: () => number } = {}): MemoryClient {
  return new Memory(now);
}

class Memory implements MemoryClient {
  readonly writes: Write[] = [];
  readonly #now: () => number;
  readonly #collections = new Map<string, Collection>();
  #revision = 0;
  #ends = new Set<() => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string): Promise<T> {
    return out(this.#require(resource, name, namespace)) as unknown as T;
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
    const items = [...this.#collection(resource).objects.values()].filter((object) => matches(object, options));
    return {
      metadata: { resourceVersion: String(this.#revision) },
      items: items.map((item) => out(item) as unknown as T),
    };
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { subresource, name }: { subresource?: string; name?: string } = {},
  ): Promise<T> {
    const copy = structuredClone(object) as unknown as Generic;
    if (subresource === "binding") return this.#bind(resource, copy, name ?? "") as unknown as T;
    const { metadata } = copy;
    metadata.name ??= `${metadata.generateName}${randomUUID().slice(0, 5)}`;
    if (this.#collection(resource).objects.has(objectKey(copy))) {
      fail(409, "AlreadyExists", `${resource.plural} "${metadata.name}" already exists`);
    }
    metadata.uid = randomUUID();
    metadata.creationTimestamp = this.#timestamp();
    metadata.generation = 1;
    copy.apiVersion ??= apiVersionOf(resource);
    this.#wrote("create", resource, metadata.name);
    return this.#put(resource, copy, "ADDED") as unknown as T;
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: { subresource?: string } = {},
  ): Promise<T> {
    return this.#update(
      "update",
      resource,
      structuredClone(object) as unknown as Generic,
      options.subresource,
    ) as unknown as T;
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    { name, namespace }: { name: string; namespace?: string },
    patch: unknown,
    { type, subresource }: { type: string; subresource?: string },
  ): Promise<T> {
    if (type !== "merge") throw new TypeError(`Cannot patch in memory: type is "${type}", must be "merge"`);
    const old = this.#require(resource, name, namespace);
    const patched = mergePatch(structuredClone(old), patch) as Generic;
    return this.#update("patch", resource, patched, subresource) as unknown as T;
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    { name, namespace }: { name: string; namespace?: string },
    options: Parameters<ApiClient["delete"]>[2] = {},
  ): Promise<void> {
    const old = this.#require(resource, name, namespace);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if ((uid && uid !== old.metadata.uid) || (resourceVersion && resourceVersion !== old.metadata.resourceVersion)) {
      fail(409, "Conflict", `${resource.plural} "${name}": a precondition does not hold`);
    }
    const object = structuredClone(old);
    const { metadata } = object;
    const finalizers = new Set(metadata.finalizers);
    if (options.propagationPolicy === "Foreground") finalizers.add("foregroundDeletion");
    if (options.propagationPolicy === "Orphan") finalizers.add("orphan");
    if (finalizers.size > 0) metadata.finalizers = [...finalizers];
    metadata.deletionTimestamp ??= this.#timestamp();
    metadata.deletionGracePeriodSeconds = graceOf(object, options.gracePeriodSeconds);
    if (object.kind === "Namespace") object.status = { phase: "Terminating" };
    this.#wrote("delete", resource, name);
    this.#settle(resource, object);
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: Parameters<ApiClient["watch"]>[1],
  ): AsyncGenerator<readonly WatchedEvent<T>[]> {
    const collection = this.#collection(resource);
    let revision = Number(options.resourceVersion ?? this.#revision);
    if (options.sendInitialEvents) {
      const initial = [...collection.objects.values()].filter((object) => matches(object, options));
      revision = this.#revision;
      yield initial.map((object) => ({ type: "ADDED", object: out(object) as unknown as T }) as const);
      const annotations = { "k8s.io/initial-events-end": "true" };
      yield [{ type: "BOOKMARK", object: { metadata: { resourceVersion: String(revision), annotations } } }];
    }
    let ended = false;
    const end = () => {
      ended = true;
      for (const wake of [...collection.wake]) wake();
    };
    this.#ends.add(end);
    options.signal.addEventListener("abort", end, { once: true });
    try {
      while (!ended && !options.signal.aborted) {
        if (revision < collection.compacted) fail(410, "Expired", "too old resource version");
        const fresh = collection.log.filter((entry) => entry.revision > revision);
        for (const { event } of fresh) {
          revision = Number(event.object.metadata.resourceVersion);
          if (matches(event.object, options)) yield [{ type: event.type, object: event.object as unknown as T }];
        }
        if (fresh.length === 0 && !ended) await woken(collection.wake);
      }
    } finally {
      this.#ends.delete(end);
      options.signal.removeEventListener("abort", end);
    }
  }

  async raw(method: string, path: string) {
    const discovered = method === "GET" ? discovery(path) : undefined;
    if (discovered) return { status: 200, body: Buffer.from(JSON.stringify(discovered)) };
    if (method !== "DELETE") throw new TypeError(`Cannot ${method} "${path}" in memory`);
    for (const [key, collection] of this.#collections) {
      const resource = JSON.parse(key) as Resource;
      for (const { metadata } of [...collection.objects.values()]) {
        if (pathOf(resource, metadata.namespace ? { namespace: metadata.namespace } : {}) !== path) continue;
        await this.delete(resource, metadata);
      }
    }
    return { status: 200, body: Buffer.from("{}") };
  }

  compact(): void {
    for (const collection of this.#collections.values()) {
      collection.log = [];
      collection.compacted = ++this.#revision;
    }
    for (const end of [...this.#ends]) end();
  }

  #collection({ group, version, kind, plural, namespaced }: Resource): Collection {
    const key = JSON.stringify({ group, version, kind: plural === "pods" ? "Pod" : kind, plural, namespaced });
    const found = this.#collections.get(key) ?? { objects: new Map(), log: [], compacted: 0, wake: new Set() };
    this.#collections.set(key, found);
    return found;
  }

  #require(resource: Resource, name: string, namespace: string | undefined): Generic {
    const key = objectKey(namespace === undefined ? { metadata: { name } } : { metadata: { name, namespace } });
    return (
      this.#collection(resource).objects.get(key) ?? fail(404, "NotFound", `${resource.plural} "${name}" not found`)
    );
  }

  #update(verb: "update" | "patch", resource: Resource, object: Generic, subresource: string | undefined): Generic {
    const { name, namespace, resourceVersion } = object.metadata;
    const old = this.#require(resource, name, namespace);
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) {
      fail(409, "Conflict", `${resource.plural} "${name}": the object has been modified`);
    }
    const next = subresource ? structuredClone(old) : object;
    if (subresource === "status") Object.assign(next, { status: object.status ?? {} });
    else if (subresource === "finalize") Object.assign(next, { spec: object.spec ?? {} });
    else if (old.status !== undefined) next.status = structuredClone(old.status);
    else delete next.status;
    const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = old.metadata;
    Object.assign(next.metadata, { uid, creationTimestamp, ...(deletionTimestamp ? { deletionTimestamp } : {}) });
    next.metadata.generation = same(next.spec, old.spec) ? generation : generation + 1;
    if (
      same(
        { ...next, metadata: { ...next.metadata, resourceVersion: "" } },
        { ...old, metadata: { ...old.metadata, resourceVersion: "" } },
      )
    ) {
      return out(old);
    }
    this.#wrote(verb, resource, name, subresource);
    return this.#settle(resource, next);
  }

  /** Stores the object, or takes it out when it is being deleted and nothing holds it any more. */
  #settle(resource: Resource, object: Generic): Generic {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
    const kept = finalizers.length > 0 || deletionGracePeriodSeconds > 0 || holdsNamespace(object);
    return this.#put(resource, object, deletionTimestamp && !kept ? "DELETED" : "MODIFIED");
  }

  #put(resource: Resource, object: Generic, type: "ADDED" | "MODIFIED" | "DELETED"): Generic {
    const collection = this.#collection(resource);
    const revision = ++this.#revision;
    object.metadata.resourceVersion = String(revision);
    const stored = deepFreeze(JSON.parse(JSON.stringify(object)) as Generic);
    if (type === "DELETED") collection.objects.delete(objectKey(stored));
    else collection.objects.set(objectKey(stored), stored);
    collection.log.push({ revision, event: { type, object: stored } });
    for (const wake of [...collection.wake]) wake();
    return out(stored);
  }

  #bind(resource: Resource, binding: Generic & { target?: { name?: string } }, name: string): Generic {
    const pod = structuredClone(this.#require(resource, name, binding.metadata.namespace)) as unknown as Pod;
    if (pod.spec.nodeName) fail(409, "Conflict", `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
    pod.spec.nodeName = binding.target?.name ?? "";
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
    const status = { ...pod.status, conditions: [...others, { type: "PodScheduled", status: "True" }] };
    this.#wrote("create", resource, name, "binding");
    return this.#put(resource, { ...pod, status } as unknown as Generic, "MODIFIED");
  }

  #wrote(verb: Write["verb"], { plural }: Resource, name: string, subresource?: string): void {
    this.writes.push({ verb, plural, name, subresource });
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, "Z");
  }
}

/** What any API server says of the kinds that this project knows. */
function discovery(path: string): unknown {
  if (path === "/apis") return apiGroupList(kinds);
  const [group = "", version = "v1"] = path.replace(/^\/(apis\/|api(?=\/))/, "").split("/");
  return apiResourceList(kinds, group, version);
}

function woken(wakes: Set<() => void>): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      wakes.delete(wake);
      resolve();
    };
    wakes.add(wake);
  });
}
