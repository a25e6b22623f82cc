/** A Pod of a Job (batch/v1 Job; docs: "Jobs", completion mode). */
import type { Container } from "kubernetes-types/core/v1";
import type { Job, Pod } from "../../api/object.ts";
import { buildPod } from "../pod-set.ts";
import { indexAnnotation } from "./indexes.ts";
import { trackingFinalizer } from "./tally.ts";

const indexVariable = {
  name: "JOB_COMPLETION_INDEX",
  valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: `metadata.labels['${indexAnnotation}']` } },
};

/** An own variable of that name counts. */
function withIndex<T extends Container>(container: T): T {
  const env = container.env ?? [];
  if (env.some(({ name }) => name === indexVariable.name)) return container;
  return { ...container, env: [...env, indexVariable] };
}

export function buildJobPod(job: Job & { spec: { selector: object } }, index: number | undefined): Pod {
  const pod = buildPod({ ...job, spec: { ...job.spec, selector: job.spec.selector ?? {} } }, job.spec.template ?? {});
  const finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
  const { name } = job.metadata;
  const { labels, annotations } = pod.metadata;
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      finalizers,
      generateName: `${name}-${index}-`,
      labels: { ...labels, [indexAnnotation]: String(index) },
      annotations: { ...annotations, [indexAnnotation]: String(index) },
    },
    spec: {
      ...pod.spec,
      hostname: `${name}-${index}`,
      containers: containers.map(withIndex),
      ...(initContainers ? { initContainers: initContainers.map(withIndex) } : {}),
    },
  };
}
