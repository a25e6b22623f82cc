/** Whether a PodDisruptionBudget lets a Pod be evicted now. Source: Kubernetes "Disruptions", "API-initiated Eviction". */
import type { Kind } from "../../api/kind.ts";
import type { Pod, PodDisruptionBudget } from "../../api/object.ts";
import { podDisruptionBudgets } from "../../api/resource.ts";
import { labelSelectorOf, matches } from "../../api/selectors.ts";
import { disruptionBudget, internalError } from "../../api/status.ts";
import { objectOf, type StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { collectionPrefix } from "../keys.ts";
import { formatTime } from "../object-metadata.ts";
import { updateObject } from "../update-object.ts";

const refused = "Cannot evict pod as it would violate the pod's disruption budget.";
const ambiguous = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";

/** Pods that do not work yet or any more, or go already: nothing is disrupted. */
function isIdle({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || ["Succeeded", "Failed", "Pending"].includes(status?.phase ?? "");
}

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

/** A Pod that is not ready may go as the policy says; by default while the others are enough. */
function mayGoUnhealthy({ spec, status }: PodDisruptionBudget): boolean {
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** The budget with one disruption less. Throws ApiFault 429 when it has none. */
function spend(budget: PodDisruptionBudget, { podName, time }: { podName: string; time: string }): PodDisruptionBudget {
  const { name, generation = 0 } = budget.metadata;
  const { status } = budget;
  const { disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0, observedGeneration = 0 } = status ?? {};
  if (!status || observedGeneration < generation) {
    throw disruptionBudget(refused, `The disruption budget ${name} is still being processed by the server.`);
  }
  if (disruptionsAllowed <= 0) {
    const needs = `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw disruptionBudget(refused, needs);
  }
  const disruptedPods = { ...status.disruptedPods, [podName]: time };
  return { ...budget, status: { ...status, disruptionsAllowed: disruptionsAllowed - 1, disruptedPods } };
}

async function budgetsOf({ store }: ServerContext, kind: Kind, { metadata }: Pod): Promise<PodDisruptionBudget[]> {
  const { entries } = await store.list(collectionPrefix(kind, metadata.namespace));
  const budgets = entries.map(({ value }) => objectOf(value) as unknown as PodDisruptionBudget);
  return budgets.filter(({ spec }) => matches(labelSelectorOf(spec.selector), metadata.labels ?? {}));
}

/** Notes the disruption in the budget, if the Pod has one. Throws ApiFault 429 when it must not be evicted now. */
export async function requireDisruption(server: ServerContext, pod: Pod, dryRun: boolean): Promise<void> {
  const { group, version, plural } = podDisruptionBudgets;
  const kind = server.kindOf(group, version, plural);
  if (!kind || isIdle(pod)) return;
  const [budget, second] = await budgetsOf(server, kind, pod);
  if (second) throw internalError(ambiguous);
  if (!budget || (!isReady(pod) && mayGoUnhealthy(budget))) return;
  const time = formatTime(server.clock.now());
  // Without a revision: a lost race is tried again on the newest state.
  const change = (live: StoredObject): { object: StoredObject } => {
    const spent = spend(live as unknown as PodDisruptionBudget, { podName: pod.metadata.name, time });
    const { resourceVersion: _any, ...metadata } = spent.metadata;
    return { object: { ...spent, metadata } as unknown as StoredObject };
  };
  const { name, namespace } = budget.metadata;
  const writer = { dryRun, fieldManager: "fairlead-apiserver" };
  await updateObject(server, { kind, namespace, name, part: "status", subresource: "status", writer, change });
}
