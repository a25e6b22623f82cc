/** What may change in a Pod that exists. Source: Kubernetes "Pod update and replacement". */
import { isDeepStrictEqual } from "node:util";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { forbidden, invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Pod } from "../object.ts";

const changeable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

/** Faults of a change of a Pod's spec through the Pod itself; subresources have their own rules. */
export function validatePodUpdate({ spec }: Pod, { spec: old }: Pod): FieldError[] {
  for (const field of ["containers", "initContainers"] as const) {
    if ((spec[field] ?? []).length !== (old[field] ?? []).length) {
      return [forbidden(`spec.${field}`, "pod updates may not add or remove containers")];
    }
  }
  const faults = [...validateDeadline(spec, old), ...validateTolerations(spec, old)];
  const changed = changedFields(spec, old);
  if (changed.length === 0) return faults;
  const detail = `pod updates may not change fields other than ${changeable}\nchanged: ${changed.join(", ")}`;
  return [...faults, forbidden("spec", detail)];
}

function validateDeadline(spec: PodSpec, old: PodSpec): FieldError[] {
  const field = "spec.activeDeadlineSeconds";
  const now = spec.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (before === undefined) return [];
  if (now === undefined) return [invalid(field, null, "must not update from a positive integer to nil value")];
  return now > before ? [invalid(field, now, "must be less than or equal to previous value")] : [];
}

function validateTolerations(spec: PodSpec, old: PodSpec): FieldError[] {
  const kept = (old.tolerations ?? []).every((before) =>
    (spec.tolerations ?? []).some((now) =>
      isDeepStrictEqual({ ...now, tolerationSeconds: 0 }, { ...before, tolerationSeconds: 0 }),
    ),
  );
  return kept
    ? []
    : [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")];
}

function withoutImages(containers: readonly Container[] | undefined): unknown {
  return (containers ?? []).map(({ image: _image, ...rest }) => rest);
}

/** The spec without what may change. */
function fixedPart(spec: PodSpec, old: PodSpec): Record<string, unknown> {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...fixed } = spec;
  const grace = spec.terminationGracePeriodSeconds;
  const ended = (old.terminationGracePeriodSeconds ?? 0) < 0 && grace === 1;
  return {
    ...fixed,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
    terminationGracePeriodSeconds: ended ? old.terminationGracePeriodSeconds : grace,
  };
}

function changedFields(spec: PodSpec, old: PodSpec): string[] {
  const now = fixedPart(spec, old);
  const before = fixedPart(old, old);
  const fields = new Set([...Object.keys(now), ...Object.keys(before)]);
  return [...fields].filter((field) => !isDeepStrictEqual(now[field], before[field])).sort();
}
