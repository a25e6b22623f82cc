/** Puts the system's namespaces, default roles, bindings and priority classes into the store and adds what roles and bindings have lost. */

import { cloneJson, jsonEqual } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { clusterRoleKind } from "../../api/kinds/cluster-role.ts";
import { clusterRoleBindingKind } from "../../api/kinds/cluster-role-binding.ts";
import { namespaceKind } from "../../api/kinds/namespace.ts";
import { priorityClassKind } from "../../api/kinds/priority-class.ts";
import { roleKind } from "../../api/kinds/role.ts";
import { roleBindingKind } from "../../api/kinds/role-binding.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  KubeObject,
  Namespace,
  PriorityClass,
  Role,
  RoleBinding,
} from "../../api/object.ts";
import { systemNamespaces } from "../../api/system-namespaces.ts";
import type { StoredObject } from "../codec.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject } from "../create-object.ts";
import { objectStoreKey } from "../keys.ts";
import { updateObject } from "../update-object.ts";
import { aggregatedRules } from "./aggregation.ts";
import {
  bootstrapBindings,
  bootstrapNamespaceBindings,
  bootstrapNamespaceRoles,
  bootstrapRoles,
} from "./bootstrap-roles.ts";
import { compactRules, uncovered } from "./rule.ts";

const writer = { dryRun: false, fieldManager: "kube-apiserver" } as const;
const autoupdate = "rbac.authorization.kubernetes.io/autoupdate";

/** Aggregated roles begin with what the other defaults give them, level by level. */
function withAggregates(roles: readonly ClusterRole[]): ClusterRole[] {
  let known = [...roles];
  for (const _level of ["view", "edit", "admin"]) {
    known = known.map((role) => ({ ...role, rules: aggregatedRules(role, known) ?? role.rules ?? [] }));
  }
  return known;
}

const labelled = <T extends KubeObject>(live: T, wanted: T): T["metadata"] => ({
  ...live.metadata,
  labels: { ...wanted.metadata.labels, ...live.metadata.labels },
  annotations: { ...wanted.metadata.annotations, ...live.metadata.annotations },
});

function repairClusterRole(live: ClusterRole, wanted: ClusterRole): ClusterRole {
  // Rules of aggregated roles are kept by aggregation.ts.
  if (wanted.aggregationRule) {
    const metadata = labelled(live, wanted);
    return { ...live, metadata, aggregationRule: live.aggregationRule ?? wanted.aggregationRule };
  }
  return repairRole(live, wanted);
}

function repairRole<T extends ClusterRole | Role>(live: T, wanted: T): T {
  const metadata = labelled(live, wanted);
  const missing = compactRules(uncovered(live.rules ?? [], wanted.rules ?? []));
  return { ...live, metadata, rules: [...(live.rules ?? []), ...missing] };
}

function repairBinding<T extends ClusterRoleBinding | RoleBinding>(live: T, wanted: T): T {
  const subjects = live.subjects ?? [];
  const same = (a: object) => (b: object) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
  const missing = (wanted.subjects ?? []).filter((subject) => !subjects.some(same(subject)));
  return { ...live, metadata: labelled(live, wanted), subjects: [...subjects, ...missing] };
}

const sorted = (object: object): [string, unknown][] => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));

const systemPriority = (name: string, value: number, description: string): PriorityClass => ({
  apiVersion: "scheduling.k8s.io/v1",
  kind: "PriorityClass",
  metadata: { name },
  value,
  description,
});

const priorities = [
  systemPriority("system-node-critical", 2_000_001_000, "Used for Pods that a node cannot be without."),
  systemPriority("system-cluster-critical", 2_000_000_000, "Used for Pods that the cluster cannot be without."),
];

interface Wanted<T extends KubeObject> {
  readonly kind: Kind;
  readonly object: T;
  readonly repair?: (live: T, wanted: T) => T;
}

async function ensure<T extends KubeObject>(server: ServerContext, { kind, object, repair }: Wanted<T>): Promise<void> {
  const { name, namespace } = object.metadata;
  const entry = await server.store.get(objectStoreKey(kind, namespace, name));
  if (!entry) {
    await createObject(server, { kind, object: cloneJson(object) as StoredObject, writer });
    return;
  }
  const live = objectOf(entry.value);
  if (!repair || live.metadata.annotations?.[autoupdate] === "false") return;
  if (jsonEqual(repair(live as unknown as T, object), live)) return;
  const change = (found: StoredObject): { object: StoredObject } => {
    const { resourceVersion: _any, ...metadata } = found.metadata;
    return { object: repair({ ...found, metadata } as unknown as T, object) as StoredObject };
  };
  await updateObject(server, { kind, namespace, name, part: "object", writer, change });
}

const systemNamespace = (name: string): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
});

/** Objects that administrators have marked as theirs (annotation autoupdate "false") are left alone. */
export async function bootstrapPolicy(server: ServerContext): Promise<void> {
  const all = async <T extends KubeObject>(
    kind: object,
    objects: readonly T[],
    repair?: (live: T, wanted: T) => T,
  ): Promise<void> => {
    const wanted = { kind: kind as Kind, ...(repair ? { repair } : {}) };
    await Promise.all(objects.map((object) => ensure(server, { ...wanted, object })));
  };
  await all(namespaceKind, systemNamespaces.map(systemNamespace));
  await Promise.all([
    all(clusterRoleKind, withAggregates(bootstrapRoles), repairClusterRole),
    all(clusterRoleBindingKind, bootstrapBindings, repairBinding),
    all(roleKind, bootstrapNamespaceRoles, repairRole),
    all(roleBindingKind, bootstrapNamespaceBindings, repairBinding),
    all(priorityClassKind, priorities),
  ]);
}
