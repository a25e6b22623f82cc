import { invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { ReplicationController } from "../object.ts";
import { replicationControllers } from "../resource.ts";
import { labelSelectorOf, matches } from "../selectors.ts";
import { validateNonNegative } from "./_check.ts";
import { ageColumn, formatLabels, integer, nameColumn, text, wide } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import { containerColumns, setTemplateDefaults, specOf, validateLongLived, validatePodTemplate } from "./_workload.ts";

/** Source: the field docs of ReplicationControllerSpec. Labels and selector are those of the template unless given. */
function setDefaults(controller: ReplicationController): void {
  const spec = specOf(controller);
  const { metadata } = controller;
  const labels = spec.template?.metadata?.labels ?? {};
  if (Object.keys(labels).length > 0) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  spec.replicas ??= 1;
  setTemplateDefaults(spec);
}

function validate({ spec }: ReplicationController): FieldError[] {
  const { replicas, minReadySeconds, selector = {}, template } = spec;
  const faults = validateNonNegative("spec.minReadySeconds", minReadySeconds);
  const isEmpty = Object.keys(selector).length === 0;
  if (isEmpty) faults.push(required("spec.selector"));
  faults.push(...validateNonNegative("spec.replicas", replicas));
  if (!template) return [...faults, required("spec.template")];
  const labels = template.metadata?.labels ?? {};
  if (!isEmpty && !matches(labelSelectorOf({ matchLabels: selector }), labels)) {
    faults.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return [
    ...faults,
    ...validatePodTemplate("spec.template", template),
    ...validateLongLived("spec.template", template, "ReplicationController"),
  ];
}

export const replicationControllerKind: Kind<ReplicationController> = {
  ...replicationControllers,
  singular: "replicationcontroller",
  shortNames: ["rc"],
  categories: ["all"],
  status: true,
  subresources: ["scale"],
  schema: "io.k8s.api.core.v1.ReplicationController",
  orphansByDefault: {},
  setDefaults,
  prepareForCreate: (controller) => void Object.assign(controller, { status: { replicas: 0 } }),
  validate,
  fieldSelectors: { "status.replicas": ({ status }) => String(status?.replicas ?? 0) },
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    integer("Desired", "Pods that are wanted.", ({ spec }) => spec.replicas ?? 0),
    integer("Current", "Pods that exist.", ({ status }) => status?.replicas ?? 0),
    integer("Ready", "Pods that are ready.", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...containerColumns(({ spec }: ReplicationController) => spec.template).map(wide),
    wide(text("Selector", "Labels of the Pods.", ({ spec }) => formatLabels(spec.selector))),
  ],
};
