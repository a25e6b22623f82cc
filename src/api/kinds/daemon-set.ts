import { invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { DaemonSet } from "../object.ts";
import { daemonSets } from "../resource.ts";
import { immutable, validateNonNegative } from "./_check.ts";
import { ageColumn, formatLabels, integer, nameColumn, text } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import {
  isZeroShare,
  setTemplateDefaults,
  specOf,
  validateShare,
  validateWorkload,
  workloadColumns,
} from "./_workload.ts";

/** Source: the field docs of DaemonSetSpec. */
function setDefaults(daemonSet: DaemonSet): void {
  const spec = specOf(daemonSet);
  spec.revisionHistoryLimit ??= 10;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy.rollingUpdate };
  }
  setTemplateDefaults(spec);
}

function validateStrategy({ updateStrategy }: DaemonSet["spec"]): FieldError[] {
  const field = "spec.updateStrategy.rollingUpdate";
  const rolling = updateStrategy?.rollingUpdate;
  const type = updateStrategy?.type ?? "";
  if (type === "OnDelete") return [];
  if (type !== "RollingUpdate") return [notSupported("spec.updateStrategy.type", type, ["RollingUpdate", "OnDelete"])];
  if (!rolling) return [required(field)];
  const { maxUnavailable = 0, maxSurge = 0 } = rolling;
  const faults = [
    ...validateShare(`${field}.maxUnavailable`, maxUnavailable, true),
    ...validateShare(`${field}.maxSurge`, maxSurge, true),
  ];
  if (faults.length > 0) return faults;
  const hasUnavailable = !isZeroShare(maxUnavailable);
  const hasSurge = !isZeroShare(maxSurge);
  if (hasUnavailable && hasSurge) {
    faults.push(invalid(`${field}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
  }
  if (!hasUnavailable && !hasSurge) {
    faults.push(required(`${field}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
  }
  return faults;
}

/** The counts that the API always shows. */
const emptyStatus = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };

export const daemonSetKind: Kind<DaemonSet> = {
  ...daemonSets,
  singular: "daemonset",
  shortNames: ["ds"],
  categories: ["all"],
  status: true,
  subresources: [],
  schema: "io.k8s.api.apps.v1.DaemonSet",
  setDefaults,
  prepareForCreate: (daemonSet) => void Object.assign(daemonSet, { status: { ...emptyStatus } }),
  validate: ({ spec }) => [
    ...validateWorkload(spec, "daemonset", "DaemonSet"),
    ...validateNonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateStrategy(spec),
    ...validateNonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
  ],
  validateUpdate: ({ spec }, old) => immutable("spec.selector", spec.selector, old.spec.selector),
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    integer("Desired", "Nodes that should run a Pod.", ({ status }) => status?.desiredNumberScheduled ?? 0),
    integer("Current", "Nodes that run a Pod and should.", ({ status }) => status?.currentNumberScheduled ?? 0),
    integer("Ready", "Nodes with a ready Pod.", ({ status }) => status?.numberReady ?? 0),
    integer("Up-to-date", "Nodes with a Pod of the newest template.", ({ status }) => {
      return status?.updatedNumberScheduled ?? 0;
    }),
    integer("Available", "Nodes with a Pod that has been ready for long enough.", ({ status }) => {
      return status?.numberAvailable ?? 0;
    }),
    text("Node Selector", "Labels of the nodes that are meant.", ({ spec }) => {
      return formatLabels(spec.template?.spec?.nodeSelector);
    }),
    ageColumn,
    ...workloadColumns,
  ],
};
