/** What may change in a Job that exists. Source: the field docs of JobSpec; KEP-2926 (suspended Jobs), KEP-3715 (elastic indexed Jobs). */
import type { JobSpec } from "kubernetes-types/batch/v1";
import type { Affinity, PodTemplateSpec } from "kubernetes-types/core/v1";
import { invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Job } from "../object.ts";
import { immutable } from "./_check.ts";

const fixedFields = [
  "selector",
  "completionMode",
  "podFailurePolicy",
  "backoffLimitPerIndex",
  "managedBy",
  "successPolicy",
] as const;

export function validateJobUpdate({ spec, status }: Job, { spec: old }: Job): FieldError[] {
  const mayReschedule = old.suspend === true && status?.startTime === undefined;
  const template = mayReschedule ? withScheduling(spec.template, old.template) : spec.template;
  return [
    ...validateCompletions(spec, old),
    ...fixedFields.flatMap((field) => immutable(`spec.${field}`, spec[field] ?? null, old[field] ?? null)),
    ...immutable("spec.template", template, old.template),
  ];
}

/** An indexed Job grows and shrinks with its parallelism. */
function validateCompletions(spec: JobSpec, old: JobSpec): FieldError[] {
  if (spec.completions === old.completions) return [];
  const field = "spec.completions";
  if (spec.completionMode !== "Indexed") return immutable(field, spec.completions ?? null, old.completions ?? null);
  const moved = spec.completions !== undefined && spec.completions === spec.parallelism;
  if (moved && old.completions !== undefined) return [];
  return [invalid(field, spec.completions ?? null, "can only be modified in tandem with spec.parallelism")];
}

/** Only rules about nodes may change, not those about other Pods. */
function withNodeAffinity(affinity: Affinity = {}, nodeAffinity: Affinity["nodeAffinity"]): Affinity | undefined {
  const { nodeAffinity: _nodeAffinity, ...ofPods } = affinity;
  const merged = nodeAffinity ? { nodeAffinity, ...ofPods } : ofPods;
  return Object.keys(merged).length > 0 ? merged : undefined;
}

/** The new template with the old one's scheduling rules, which a Job that never ran may still change. */
function withScheduling(template: PodTemplateSpec, old: PodTemplateSpec): PodTemplateSpec {
  const { labels: _labels, annotations: _annotations, ...metadata } = template.metadata ?? {};
  const kept = { labels: old.metadata?.labels, annotations: old.metadata?.annotations };
  const { nodeSelector, tolerations, schedulingGates } = old.spec ?? { containers: [] };
  const affinity = withNodeAffinity(template.spec?.affinity, old.spec?.affinity?.nodeAffinity);
  const scheduling = { nodeSelector, tolerations, affinity, schedulingGates };
  const merged = {
    ...template,
    metadata: { ...metadata, ...kept },
    spec: { ...template.spec, ...scheduling },
  };
  // Undefined fields are no fields.
  return JSON.parse(JSON.stringify(merged));
}
