import { forbidden, invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { Deployment } from "../object.ts";
import { deployments } from "../resource.ts";
import { immutable, oneOf, validateNonNegative } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import {
  isZeroShare,
  setTemplateDefaults,
  specOf,
  validateShare,
  validateWorkload,
  workloadColumns,
} from "./_workload.ts";

const strategyTypes = ["Recreate", "RollingUpdate"];

/** Source: the field docs of DeploymentSpec. */
function setDefaults(deployment: Deployment): void {
  const spec = specOf(deployment);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= {};
  spec.strategy.type ||= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate = { maxUnavailable: "25%", maxSurge: "25%", ...spec.strategy.rollingUpdate };
  }
  setTemplateDefaults(spec);
}

function validate({ spec }: Deployment): FieldError[] {
  const faults = [
    ...validateNonNegative("spec.replicas", spec.replicas),
    ...validateWorkload(spec, "deployment"),
    ...validateStrategy(spec),
    ...validateNonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateNonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...validateNonNegative("spec.progressDeadlineSeconds", spec.progressDeadlineSeconds),
  ];
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    faults.push(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  return faults;
}

function validateStrategy({ strategy }: Deployment["spec"]): FieldError[] {
  const field = "spec.strategy.rollingUpdate";
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === "Recreate") {
    return rolling ? [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")] : [];
  }
  if (strategy?.type !== "RollingUpdate") return oneOf("spec.strategy", strategy?.type, strategyTypes);
  if (!rolling) return [required(field, "this should be defaulted and never be nil")];
  const { maxUnavailable = 0, maxSurge = 0 } = rolling;
  const faults = [
    ...validateShare(`${field}.maxUnavailable`, maxUnavailable, true),
    ...validateShare(`${field}.maxSurge`, maxSurge, false),
  ];
  if (faults.length === 0 && isZeroShare(maxUnavailable) && isZeroShare(maxSurge)) {
    faults.push(invalid(`${field}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  }
  return faults;
}

export const deploymentKind: Kind<Deployment> = {
  ...deployments,
  singular: "deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  status: true,
  statusKeeps: ["labels"],
  subresources: ["scale"],
  schema: "io.k8s.api.apps.v1.Deployment",
  setDefaults,
  prepareForCreate: (deployment) => void Object.assign(deployment, { status: {} }),
  validate,
  validateUpdate: ({ spec }, old) => immutable("spec.selector", spec.selector, old.spec.selector),
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    text("Ready", "Pods that are ready, of all that are wanted.", ({ spec, status }) => {
      return `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`;
    }),
    text("Up-to-date", "Pods that have the newest template.", ({ status }) => status?.updatedReplicas ?? 0),
    text("Available", "Pods that have been ready for long enough.", ({ status }) => status?.availableReplicas ?? 0),
    ageColumn,
    ...workloadColumns,
  ],
};
