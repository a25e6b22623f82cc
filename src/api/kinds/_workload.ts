/** What workloads share: a selector, a Pod template, and columns about both. */
import type { PodTemplateSpec } from "kubernetes-types/core/v1";
import type { LabelSelector } from "kubernetes-types/meta/v1";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { Column, FieldError } from "../kind.ts";
import { validateAnnotations, validateLabels } from "../metadata.ts";
import { formatLabelSelector, labelSelectorOf, matches } from "../selectors.ts";
import { validateLabelSelector } from "./_check.ts";
import { none, text, wide } from "./_column.ts";
import { setPodSpecDefaults } from "./_pod-defaults.ts";
import { validatePodSpec } from "./_pod-validate.ts";

export interface WorkloadSpec {
  readonly selector: LabelSelector;
  readonly template?: PodTemplateSpec;
}

/** The spec of an object as a client sent it; one that has none gets an empty one, for validation to judge. */
export function specOf<Spec>(object: { spec: Spec }): Spec {
  object.spec ??= {} as Spec;
  return object.spec;
}

/** Fills the defaults of the template's Pod spec, in place. */
export function setTemplateDefaults({ template }: { template?: PodTemplateSpec }): void {
  if (template?.spec) setPodSpecDefaults(template.spec);
}

/**
 * Faults of selector and template; `emptyFor` and `owner` are the words in Kubernetes's complaints about an empty selector and
 * about a deadline.
 */
export function validateWorkload(
  { selector, template }: WorkloadSpec,
  emptyFor: string,
  owner = "ReplicaSet",
): FieldError[] {
  const faults = validateSelector(selector, emptyFor);
  const labels = template?.metadata?.labels ?? {};
  if (faults.length === 0 && !matches(labelSelectorOf(selector), labels)) {
    faults.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return [
    ...faults,
    ...validatePodTemplate("spec.template", template),
    ...validateLongLived("spec.template", template, owner),
  ];
}

function validateSelector(selector: LabelSelector | undefined, emptyFor: string): FieldError[] {
  if (!selector) return [required("spec.selector")];
  const faults = validateLabelSelector("spec.selector", selector);
  const size = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0);
  if (size === 0) faults.push(invalid("spec.selector", selector, `empty selector is invalid for ${emptyFor}`));
  return faults;
}

/** Faults of a Pod template that stands at `field`, however long its Pods live. */
export function validatePodTemplate(field: string, template: PodTemplateSpec | undefined): FieldError[] {
  const metadata = template?.metadata;
  const spec = template?.spec ?? { containers: [] };
  const faults = [
    ...validateLabels(metadata?.labels, `${field}.labels`),
    ...validateAnnotations(metadata?.annotations, `${field}.annotations`),
    ...validatePodSpec(`${field}.spec`, spec),
  ];
  if (spec.ephemeralContainers?.length) {
    faults.push(forbidden(`${field}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template"));
  }
  return faults;
}

/** The Pods of a workload live on: they always restart and have no deadline. `owner`: the word in Kubernetes's complaint. */
export function validateLongLived(field: string, template: PodTemplateSpec | undefined, owner: string): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  const faults: FieldError[] = [];
  if (restartPolicy && restartPolicy !== "Always") {
    faults.push(notSupported(`${field}.spec.restartPolicy`, restartPolicy, ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    faults.push(forbidden(`${field}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${owner} is not Supported`));
  }
  return faults;
}

/** A share of the replicas: a count, or a percentage such as "25%". */
export type Share = number | string;

/** True if the share is nothing, or is no share at all. */
export function isZeroShare(share: Share | undefined): boolean {
  return Number.parseInt(String(share ?? 0), 10) === 0;
}

/** Faults of a share of the replicas; `atMostAll` forbids more than 100 %. */
export function validateShare(field: string, share: Share, atMostAll: boolean): FieldError[] {
  if (typeof share === "number") return share < 0 ? [invalid(field, share, "must be greater than or equal to 0")] : [];
  if (!/^[0-9]+%$/.test(share))
    return [
      invalid(
        field,
        share,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ];
  if (atMostAll && Number.parseInt(share, 10) > 100) return [invalid(field, share, "must not be greater than 100%")];
  return [];
}

type Workload = { readonly spec: WorkloadSpec };

/** Two cells about the containers of a Pod template: their names, and their images. */
export function containerColumns<T>(
  templateOf: (object: T) => PodTemplateSpec | undefined,
): readonly [names: Column<T>, images: Column<T>] {
  const list = (object: T, part: "name" | "image"): string =>
    (templateOf(object)?.spec?.containers ?? []).map((container) => container[part] ?? "").join(",");
  return [
    text("Containers", "Names of the containers of a Pod.", (object) => list(object, "name")),
    text("Images", "Images of the containers of a Pod.", (object) => list(object, "image")),
  ];
}

/** The columns with which every workload's wide table ends. */
export const workloadColumns: readonly Column<Workload>[] = [
  ...containerColumns(({ spec }: Workload) => spec.template).map(wide),
  wide(
    text("Selector", "Labels of the Pods.", ({ spec }) => formatLabelSelector(labelSelectorOf(spec.selector)) || none),
  ),
];
