/** Serves the kinds of CustomResourceDefinitions as they come, change and go; a definition goes after its objects. */

import type { Kind } from "../api/kind.ts";
import { cleanupFinalizer } from "../api/kinds/custom-resource-definition.ts";
import type { CustomResourceDefinition } from "../api/object.ts";
import { customResourceDefinitions } from "../api/resource.ts";
import { ApiFault } from "../api/status.ts";
import type { Store, WatchEvent } from "../store/store.ts";
import { loadCustomMachinery, loadedMachinery } from "./admission/custom-resource-hook.ts";
import { objectOf, type StoredObject, writableMeta } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { type Convert, converterOf } from "./conversion.ts";
import { deleteObject } from "./delete-object.ts";
import { collectionPrefix, parseKey } from "./keys.ts";
import type { KindRegistry } from "./kind-registry.ts";
import { formatTime } from "./object-metadata.ts";
import { type Part, updateObject } from "./update-object.ts";

type CustomKinds = (one: CustomResourceDefinition, convert?: Convert) => Kind[];

const definitionOf = (value: Buffer): CustomResourceDefinition =>
  objectOf(value) as unknown as CustomResourceDefinition;
const isTerminating = ({ metadata: { deletionTimestamp, finalizers = [] } }: CustomResourceDefinition): boolean =>
  deletionTimestamp !== undefined && finalizers.includes(cleanupFinalizer);

/** Resolves at the next change below `prefix`, or when `signal` aborts. */
function nextChange(store: Store, prefix: string, from: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watching = store.watch(prefix, from, () => done());
    const done = (): void => {
      watching.close();
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done);
  });
}

async function changeDefinition(
  server: ServerContext,
  kind: Kind,
  { name, part, change }: { name: string; part: Part; change: (definition: StoredObject) => StoredObject },
): Promise<void> {
  const writer = { dryRun: false, fieldManager: "kube-apiserver" };
  await updateObject(server, {
    kind,
    namespace: undefined,
    name,
    part,
    writer,
    change: (live) => ({ object: change(live) }),
  });
}

function terminating(definition: StoredObject, nowMs: number): StoredObject {
  const { status } = definition as unknown as CustomResourceDefinition;
  const others = (status?.conditions ?? []).filter(({ type }) => type !== "Terminating");
  const condition = {
    type: "Terminating",
    status: "True",
    reason: "InstanceDeletionInProgress",
    message: "CustomResource deletion is in progress",
    lastTransitionTime: formatTime(nowMs),
  };
  return { ...definition, status: { ...status, conditions: [...others, condition] } };
}

function withoutFinalizer(definition: StoredObject): StoredObject {
  const metadata = writableMeta(definition);
  metadata.finalizers = (metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer);
  return definition;
}

/** Deletes all objects and waits until they are gone: finalizers of their own may hold them. */
async function removeObjects(server: ServerContext, kind: Kind): Promise<void> {
  const { store, closing } = server;
  const prefix = collectionPrefix(kind);
  while (!closing.aborted) {
    const { entries, revision } = await store.list(prefix);
    if (entries.length === 0) return;
    const alive = entries.filter(({ value }) => !objectOf(value).metadata.deletionTimestamp);
    for (const { key } of alive) {
      const { namespace, name } = parseKey(kind, key);
      const target = { kind, namespace: namespace || undefined, name, options: {}, dryRun: false };
      await deleteObject(server, target).catch((error: unknown) => {
        if (!(error instanceof ApiFault && error.status.code === 404)) throw error;
      });
    }
    if (alive.length === 0) await nextChange(store, prefix, revision, closing);
  }
}

async function cleanUp(server: ServerContext, kind: Kind, definition: CustomResourceDefinition): Promise<void> {
  const { name } = definition.metadata;
  const { group, names, scope, versions } = definition.spec;
  const [first] = versions;
  const served = server.kindOf(group, first?.name ?? "", names.plural);
  const change = (live: StoredObject): StoredObject => terminating(live, server.clock.now());
  await changeDefinition(server, kind, { name, part: "status", change });
  const plain = { ...kind, group, version: first?.name ?? "", kind: names.kind, plural: names.plural };
  await removeObjects(server, served ?? { ...plain, namespaced: scope === "Namespaced" });
  if (!server.closing.aborted) await changeDefinition(server, kind, { name, part: "object", change: withoutFinalizer });
}

/** Resolves when all stored definitions are served. */
export async function startCustomResources(server: ServerContext, registry: KindRegistry): Promise<void> {
  const { store, log, closing } = server;
  const { group, version, plural } = customResourceDefinitions;
  const kind = registry.kindOf(group, version, plural);
  if (!kind) return;
  const cleaning = new Set<string>();
  const serve = (definition: CustomResourceDefinition, customKinds: CustomKinds): void => {
    const { name } = definition.metadata;
    registry.setCustom(name, customKinds(definition, converterOf(server, definition)));
    if (!isTerminating(definition) || cleaning.has(name)) return;
    cleaning.add(name);
    cleanUp(server, kind, definition)
      .catch((error: unknown) => {
        const gone = error instanceof ApiFault && error.status.code === 404;
        if (!gone && !closing.aborted) log.error("custom resources could not be removed", { name, error });
      })
      .finally(() => cleaning.delete(name));
  };
  const { entries, revision } = await store.list(collectionPrefix(customResourceDefinitions));
  const present = entries.length > 0 ? await loadCustomMachinery() : undefined;
  for (const { value } of entries) if (present) serve(definitionOf(value), present.customKinds);
  // The machinery is there when a definition is: nothing writes one without it. Another server's writes may come first.
  const onEvents = (events: readonly WatchEvent[], customKinds: CustomKinds): void => {
    for (const { type, entry } of events) {
      const definition = definitionOf(entry.value);
      if (type === "delete") registry.setCustom(definition.metadata.name, []);
      else serve(definition, customKinds);
    }
  };
  const watching = store.watch(collectionPrefix(customResourceDefinitions), revision, (events) => {
    const machinery = loadedMachinery();
    if (machinery) onEvents(events, machinery.customKinds);
    else void loadCustomMachinery().then(({ customKinds }) => onEvents(events, customKinds));
  });
  closing.addEventListener("abort", () => watching.close());
}
