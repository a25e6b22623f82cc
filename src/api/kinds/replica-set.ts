import type { Kind } from "../kind.ts";
import type { ReplicaSet } from "../object.ts";
import { replicaSets } from "../resource.ts";
import { immutable, validateNonNegative } from "./_check.ts";
import { ageColumn, integer, nameColumn } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import { setTemplateDefaults, specOf, validateWorkload, workloadColumns } from "./_workload.ts";

export const replicaSetKind: Kind<ReplicaSet> = {
  ...replicaSets,
  singular: "replicaset",
  shortNames: ["rs"],
  categories: ["all"],
  status: true,
  subresources: ["scale"],
  schema: "io.k8s.api.apps.v1.ReplicaSet",
  setDefaults(replicaSet) {
    const spec = specOf(replicaSet);
    spec.replicas ??= 1;
    setTemplateDefaults(spec);
  },
  prepareForCreate: (replicaSet) => void Object.assign(replicaSet, { status: { replicas: 0 } }),
  validate: ({ spec }) => [
    ...validateNonNegative("spec.replicas", spec.replicas),
    ...validateNonNegative("spec.minReadySeconds", spec.minReadySeconds),
    // Kubernetes says "deployment" here too.
    ...validateWorkload(spec, "deployment"),
  ],
  validateUpdate: ({ spec }, old) => immutable("spec.selector", spec.selector, old.spec.selector),
  fieldSelectors: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    integer("Desired", "Pods that are wanted.", ({ spec }) => spec.replicas ?? 0),
    integer("Current", "Pods that exist.", ({ status }) => status?.replicas ?? 0),
    integer("Ready", "Pods that are ready.", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...workloadColumns,
  ],
};
