import { forbidden, notSupported } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { PriorityClass } from "../object.ts";
import { priorityClasses } from "../resource.ts";
import { immutable } from "./_check.ts";
import { ageColumn, integer, nameColumn, text } from "./_column.ts";
import { startGeneration } from "./_generation.ts";

const policies = ["Never", "PreemptLowerPriority"];
const maxUserValue = 1_000_000_000;
/** The classes of the cluster's own Pods, the only ones above what users may have. */
const systemClasses: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

function validate({ metadata, value, globalDefault, preemptionPolicy: policy }: PriorityClass): FieldError[] {
  const { name } = metadata;
  const faults: FieldError[] = [];
  if (name.startsWith("system-")) {
    const fault = systemFault(name, value, globalDefault === true);
    if (fault) {
      const rule = "priority class names with 'system-' prefix are reserved for system use only. error:";
      faults.push(forbidden("metadata.name", `${rule} ${fault}`));
    }
  } else if (value > maxUserValue) {
    const detail = `maximum allowed value of a user defined priority is ${maxUserValue}`;
    faults.push(forbidden("value", detail));
  }
  if (policy !== undefined && !policies.includes(policy)) {
    faults.push(notSupported("preemptionPolicy", policy, ["PreemptLowerPriority", "Never"]));
  }
  return faults;
}

function systemFault(name: string, value: number, globalDefault: boolean): string | undefined {
  const known = systemClasses[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validateUpdate({ value, preemptionPolicy }: PriorityClass, old: PriorityClass): FieldError[] {
  const faults = value === old.value ? [] : [forbidden("value", "may not be changed in an update.")];
  return [...faults, ...immutable("preemptionPolicy", preemptionPolicy, old.preemptionPolicy)];
}

export const priorityClassKind: Kind<PriorityClass> = {
  ...priorityClasses,
  singular: "priorityclass",
  shortNames: ["pc"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.scheduling.v1.PriorityClass",
  setDefaults(priorityClass) {
    priorityClass.value ??= 0;
    priorityClass.preemptionPolicy ??= "PreemptLowerPriority";
  },
  prepareForCreate: startGeneration,
  validate,
  validateUpdate,
  raisesGeneration: () => false,
  columns: [
    nameColumn,
    integer("Value", "The priority of Pods of this class.", ({ value }) => value),
    {
      ...text(
        "Global-Default",
        "Pods that name no class have this one.",
        ({ globalDefault }) => globalDefault === true,
      ),
      type: "boolean",
    },
    ageColumn,
    text("PreemptionPolicy", "Whether such Pods displace others.", ({ preemptionPolicy }) => preemptionPolicy ?? ""),
  ],
};
