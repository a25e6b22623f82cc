/** Which Pods a Service selects, and which Services a Pod's change concerns. */
import type { Pod, Service } from "../api/object.ts";
import { objectKey } from "../api/object.ts";
import type { Change } from "../client/client.ts";
import { equal } from "./context.ts";
import type { Informers } from "./informers.ts";
import { isFinished, isReady, isTerminating, podCondition, podIps } from "./pod.ts";
import { labelPairs, matchesLabels } from "./selector.ts";

/** The selector of a Service whose endpoints are computed; ExternalName Services and those without selector have none. */
export function selectorOf({ spec }: Service): Readonly<Record<string, string>> | undefined {
  if (spec.type === "ExternalName" || labelPairs(spec.selector).length === 0) return undefined;
  return spec.selector;
}

/** Looks only at Pods that have the rarest of the selector's labels. */
export function podsOf(service: Service, { pods }: Pick<Informers, "pods">): Pod[] {
  const selector = selectorOf(service) ?? {};
  const candidates = labelPairs(selector)
    .map((pair) => pods.byIndex("label", `${service.metadata.namespace}/${pair}`))
    .sort((one, other) => one.length - other.length);
  return (candidates[0] ?? []).filter(({ metadata }) => matchesLabels(selector, metadata.labels));
}

/** Keys of the Services that select the Pod. */
export function servicesOf({ metadata }: Pod, { services }: Pick<Informers, "services">): string[] {
  return labelPairs(metadata.labels)
    .flatMap((pair) => services.byIndex("selector", `${metadata.namespace}/${pair}`))
    .filter((service) => matchesLabels(selectorOf(service) ?? { "": "" }, metadata.labels))
    .map(objectKey);
}

/** All of a Pod that shows in endpoints, apart from its labels. */
const shown = (pod: Pod): string =>
  [
    podIps(pod).join(),
    isReady(pod),
    isTerminating(pod),
    isFinished(pod),
    pod.spec.nodeName,
    pod.spec.hostname,
    pod.spec.subdomain,
  ].join("|");

/** Keys of the Services whose endpoints the change touches. */
export function servicesTouched(change: Change<Pod>, informers: Informers): string[] {
  const after = servicesOf(change.object, informers);
  if (change.type !== "updated") return podIps(change.object).length > 0 ? after : [];
  const { object, old } = change;
  const sameLabels = equal(object.metadata.labels, old.metadata.labels);
  if (shown(object) !== shown(old)) return sameLabels ? after : [...new Set([...after, ...servicesOf(old, informers)])];
  if (sameLabels) return [];
  const before = servicesOf(old, informers);
  return [...after.filter((key) => !before.includes(key)), ...before.filter((key) => !after.includes(key))];
}

/** When the change that led to new endpoints happened, RFC 3339; it ends in `endpoints.kubernetes.io/last-change-trigger-time`. */
export function triggerTime(change: Change<Pod>): string | undefined {
  const { object } = change;
  if (change.type === "deleted") return undefined;
  if (object.metadata.deletionTimestamp) return object.metadata.deletionTimestamp;
  const ready = podCondition(object, "Ready");
  if (change.type === "updated" && ready?.status === podCondition(change.old, "Ready")?.status) return undefined;
  return ready?.lastTransitionTime;
}

/** The earliest trigger of each Service since its last successful write. */
export interface TriggerTimes {
  note(key: string, time: string | undefined): void;
  get(key: string): string | undefined;
  /** What was got is written. */
  clear(key: string): void;
}

export function createTriggerTimes(): TriggerTimes {
  const times = new Map<string, string>();
  return {
    note(key, time) {
      const known = times.get(key);
      if (time && (!known || Date.parse(time) < Date.parse(known))) times.set(key, time);
    },
    get: (key) => times.get(key),
    clear: (key) => void times.delete(key),
  };
}
