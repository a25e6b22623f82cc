/** Puts the default roles, bindings and priority classes into the store and adds what they have lost. */

import { jsonEqual } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { clusterRoleKind } from "../../api/kinds/cluster-role.ts";
import { clusterRoleBindingKind } from "../../api/kinds/cluster-role-binding.ts";
import { priorityClassKind } from "../../api/kinds/priority-class.ts";
import type { ClusterRole, ClusterRoleBinding, KubeObject, PriorityClass } from "../../api/object.ts";
import type { StoredObject } from "../codec.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject } from "../create-object.ts";
import { objectStoreKey } from "../keys.ts";
import { updateObject } from "../update-object.ts";
import { aggregatedRules } from "./aggregation.ts";
import { bootstrapBindings, bootstrapRoles } from "./bootstrap-roles.ts";
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

function repairRole(live: ClusterRole, wanted: ClusterRole): ClusterRole {
  const metadata = labelled(live, wanted);
  // Rules of aggregated roles are kept by aggregation.ts.
  if (wanted.aggregationRule)
    return { ...live, metadata, aggregationRule: live.aggregationRule ?? wanted.aggregationRule };
  const missing = compactRules(uncovered(live.rules ?? [], wanted.rules ?? []));
  return { ...live, metadata, rules: [...(live.rules ?? []), ...missing] };
}

function repairBinding(live: ClusterRoleBinding, wanted: ClusterRoleBinding): ClusterRoleBinding {
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
  const { name } = object.metadata;
  const entry = await server.store.get(objectStoreKey(kind, undefined, name));
  if (!entry) {
    await createObject(server, { kind, object: structuredClone(object) as StoredObject, writer });
    return;
  }
  const live = objectOf(entry.value);
  if (!repair || live.metadata.annotations?.[autoupdate] === "false") return;
  if (jsonEqual(repair(live as unknown as T, object), live)) return;
  const change = (found: StoredObject): { object: StoredObject } => {
    const { resourceVersion: _any, ...metadata } = found.metadata;
    return { object: repair({ ...found, metadata } as unknown as T, object) as StoredObject };
  };
  await updateObject(server, { kind, namespace: undefined, name, part: "object", writer, change });
}

/** Objects that administrators have marked as theirs (annotation autoupdate "false") are left alone. */
export async function bootstrapPolicy(server: ServerContext): Promise<void> {
  const roles = withAggregates(bootstrapRoles).map((object) =>
    ensure(server, { kind: clusterRoleKind as unknown as Kind, object, repair: repairRole }),
  );
  const bindings = bootstrapBindings.map((object) =>
    ensure(server, { kind: clusterRoleBindingKind as unknown as Kind, object, repair: repairBinding }),
  );
  const classes = priorities.map((object) => ensure(server, { kind: priorityClassKind as unknown as Kind, object }));
  await Promise.all([...roles, ...bindings, ...classes]);
}
