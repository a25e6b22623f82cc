/** What makes one Pod of a StatefulSet this one: its ordinal, and all that follows from it (apps/v1 StatefulSet). */
import type { PodTemplateSpec } from "kubernetes-types/core/v1";
import type { Pod, StatefulSet } from "../../api/object.ts";
import { buildPod } from "../pod-set.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";
export const revisionLabel = "controller-revision-hash";

/** Of "web-12": 12; undefined: the name is none that the StatefulSet gives. */
export function ordinalOf({ metadata }: StatefulSet, pod: Pod): number | undefined {
  const digits = /^(.*)-(\d+)$/.exec(pod.metadata.name);
  if (digits?.[1] !== metadata.name) return undefined;
  const ordinal = Number(digits[2]);
  return String(ordinal) === digits[2] ? ordinal : undefined;
}

export const firstOrdinal = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;

/** The ordinals that should have a Pod, lowest first. */
export function wantedOrdinals(set: StatefulSet): number[] {
  const start = firstOrdinal(set);
  return Array.from({ length: set.spec.replicas ?? 1 }, (_, index) => start + index);
}

export function buildStatefulPod(
  set: StatefulSet,
  { ordinal, template, revision }: { ordinal: number; template: PodTemplateSpec; revision: string },
): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = buildPod(set, template);
  const { generateName: _, ...metadata } = pod.metadata;
  const own = { [podNameLabel]: name, [podIndexLabel]: String(ordinal), [revisionLabel]: revision };
  return {
    ...pod,
    metadata: { ...metadata, name, labels: { ...metadata.labels, ...own } },
    spec: { ...pod.spec, hostname: name, ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}) },
  };
}
