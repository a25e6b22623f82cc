import { isDeepStrictEqual } from "node:util";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain } from "../names.ts";
import type { StatefulSet } from "../object.ts";
import { statefulSets } from "../resource.ts";
import { checked, validateNonNegative } from "./_check.ts";
import { setClaimDefaults, validateClaimSpec } from "./_claim.ts";
import { ageColumn, nameColumn, text, wide } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import {
  containerColumns,
  isZeroShare,
  setTemplateDefaults,
  specOf,
  validateShare,
  validateWorkload,
} from "./_workload.ts";

type Spec = StatefulSet["spec"];

const managementPolicies = ["OrderedReady", "Parallel"];
const strategyTypes = ["RollingUpdate", "OnDelete"];
const retentionPolicies = ["Delete", "Retain"];

/** What an update may change; the rest of the spec is fixed. */
const changeable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;

/** Source: the field docs of StatefulSetSpec. */
function setDefaults(statefulSet: StatefulSet): void {
  const spec = specOf(statefulSet);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.podManagementPolicy ||= "OrderedReady";
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate = { partition: 0, ...spec.updateStrategy.rollingUpdate };
  }
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: "Retain", whenScaled: "Retain", ...retention };
  setTemplateDefaults(spec);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    const status = claim.status ?? { phase: "Pending" };
    Object.assign(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim", status });
    claim.spec ??= {};
    setClaimDefaults(claim.spec);
  }
}

/** The template as its Pods will be: with a volume for each claim. */
function completed({ selector, template, volumeClaimTemplates = [] }: Spec): Pick<Spec, "selector" | "template"> {
  if (!template?.spec || volumeClaimTemplates.length === 0) return { selector, template };
  const own = template.spec.volumes ?? [];
  const claims = volumeClaimTemplates.flatMap(({ metadata }) => metadata?.name ?? []);
  const added = claims
    .filter((name) => !own.some((volume) => volume.name === name))
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { selector, template: { ...template, spec: { ...template.spec, volumes: [...own, ...added] } } };
}

function validate({ spec }: StatefulSet, old?: StatefulSet): FieldError[] {
  const { podManagementPolicy: policy, serviceName } = spec;
  const faults: FieldError[] = [];
  if (!policy) faults.push(required("spec.podManagementPolicy"));
  else if (!managementPolicies.includes(policy)) {
    faults.push(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  faults.push(
    ...validateStrategy(spec),
    ...validateRetention(spec),
    ...validateNonNegative("spec.replicas", spec.replicas),
    ...validateNonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateNonNegative("spec.ordinals.start", spec.ordinals?.start),
    ...validateNonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...validateWorkload(completed(spec), "statefulset", "StatefulSet"),
    ...validateClaims(spec),
  );
  if (serviceName && serviceName !== old?.spec.serviceName) {
    faults.push(...checked("spec.serviceName", serviceName, checkDnsLabel(serviceName)));
  }
  return faults;
}

function validateStrategy({ updateStrategy }: Spec): FieldError[] {
  const { type, rollingUpdate: rolling } = updateStrategy ?? {};
  if (!type) return [required("spec.updateStrategy")];
  if (!strategyTypes.includes(type)) {
    return [invalid("spec.updateStrategy", updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  if (!rolling) return [];
  const field = "spec.updateStrategy.rollingUpdate";
  if (type === "OnDelete") return [invalid(field, rolling, "only allowed for updateStrategy 'RollingUpdate'")];
  const faults = validateNonNegative(`${field}.partition`, rolling.partition);
  const unavailable = rolling.maxUnavailable;
  if (unavailable === undefined) return faults;
  faults.push(...validateShare(`${field}.maxUnavailable`, unavailable, true));
  if (isZeroShare(unavailable)) faults.push(invalid(`${field}.maxUnavailable`, unavailable, "cannot be 0"));
  return faults;
}

function validateRetention({ persistentVolumeClaimRetentionPolicy: policy = {} }: Spec): FieldError[] {
  return (["whenDeleted", "whenScaled"] as const).flatMap((field) => {
    const value = policy[field] ?? "";
    if (retentionPolicies.includes(value)) return [];
    return [notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, value, retentionPolicies)];
  });
}

function validateClaims({ volumeClaimTemplates = [] }: Spec): FieldError[] {
  return volumeClaimTemplates.flatMap(({ metadata, spec }, index) => {
    const path = `spec.volumeClaimTemplates[${index}]`;
    const name = metadata?.name;
    const faults = name
      ? checked(`${path}.metadata.name`, name, checkDnsSubdomain(name))
      : [required(`${path}.metadata.name`)];
    return [...faults, ...validateClaimSpec(`${path}.spec`, spec ?? {})];
  });
}

function validateUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): FieldError[] {
  const fixed = (all: Spec) =>
    Object.fromEntries(Object.entries(all).filter(([field]) => !(changeable as readonly string[]).includes(field)));
  if (isDeepStrictEqual(fixed(spec), fixed(old))) return [];
  const fields = changeable.map((field) => `'${field}'`);
  const list = `${fields.slice(0, -1).join(", ")} and ${fields.at(-1)}`;
  return [forbidden("spec", `updates to statefulset spec for fields other than ${list} are forbidden`)];
}

const counts = ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;

function validateStatus({ status }: StatefulSet): FieldError[] {
  const all = status?.replicas ?? 0;
  return counts.flatMap((field) => {
    const count = status?.[field];
    const faults = validateNonNegative(`status.${field}`, count);
    if (count !== undefined && count > all) {
      faults.push(invalid(`status.${field}`, count, "cannot be greater than status.replicas"));
    }
    return faults;
  });
}

export const statefulSetKind: Kind<StatefulSet> = {
  ...statefulSets,
  singular: "statefulset",
  shortNames: ["sts"],
  categories: ["all"],
  status: true,
  subresources: ["scale"],
  schema: "io.k8s.api.apps.v1.StatefulSet",
  setDefaults,
  prepareForCreate: (set) => void Object.assign(set, { status: { replicas: 0, availableReplicas: 0 } }),
  validate,
  validateUpdate,
  validateStatusUpdate: validateStatus,
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    text("Ready", "Pods that are ready, of all that are wanted.", ({ spec, status }) => {
      return `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`;
    }),
    ageColumn,
    ...containerColumns(({ spec }: StatefulSet) => spec.template).map(wide),
  ],
};
