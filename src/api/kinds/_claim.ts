/** What PersistentVolumeClaims, the claim templates of StatefulSets and PersistentVolumes share. */
import type { PersistentVolumeClaimSpec } from "kubernetes-types/core/v1";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsSubdomain } from "../names.ts";
import { parseQuantity } from "../quantity.ts";
import { checked, validateLabelSelector } from "./_check.ts";

/** Each with the short form in which tables print it, in that order. */
const accessModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const volumeModes = ["Block", "Filesystem"];
const betaClass = "volume.beta.kubernetes.io/storage-class";

/** Fills the documented defaults, in place; both names of a claim's data source say the same. */
export function setClaimDefaults(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= "Filesystem";
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    spec.dataSource = { ...spec.dataSourceRef };
  }
}

export function validateAccessModes(field: string, modes: readonly string[]): FieldError[] {
  const known = Object.keys(accessModes).sort();
  const faults = modes.filter((mode) => !known.includes(mode)).map((mode) => notSupported(field, mode, known));
  if (modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod")) {
    faults.push(forbidden(field, "may not use ReadWriteOncePod with other access modes"));
  }
  return faults;
}

/** A volume mode, if there is one. */
export function validateVolumeMode(field: string, mode: string | undefined): FieldError[] {
  return mode === undefined || volumeModes.includes(mode) ? [] : [notSupported(field, mode, volumeModes)];
}

/** The name of a StorageClass, if there is one; "" stands for "no class". */
export function validateClassName(field: string, name: string | undefined): FieldError[] {
  return name ? checked(field, name, checkDnsSubdomain(name)) : [];
}

export function validatePositive(field: string, amount: string): FieldError[] {
  const quantity = parseQuantity(amount);
  return quantity && quantity.nano > 0n ? [] : [invalid(field, amount, "must be greater than zero")];
}

/** Source: the field docs of PersistentVolumeClaimSpec. */
export function validateClaimSpec(field: string, spec: PersistentVolumeClaimSpec): FieldError[] {
  const { accessModes: modes = [], resources, selector, storageClassName, volumeMode } = spec;
  const faults = modes.length > 0 ? [] : [required(`${field}.accessModes`, "at least 1 access mode is required")];
  faults.push(...validateAccessModes(`${field}.accessModes`, modes));
  if (selector) faults.push(...validateLabelSelector(`${field}.selector`, selector));
  const storage = resources?.requests?.storage;
  if (storage === undefined) faults.push(required(`${field}.resources[storage]`));
  else faults.push(...validatePositive(`${field}.resources[storage]`, storage));
  return [
    ...faults,
    ...validateClassName(`${field}.storageClassName`, storageClassName),
    ...validateVolumeMode(`${field}.volumeMode`, volumeMode),
  ];
}

/** "RWO,ROX": the cell of a table. */
export function formatAccessModes(modes: readonly string[] = []): string {
  return Object.entries(accessModes)
    .filter(([mode]) => modes.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

/** The class of a volume or claim; an old annotation counts more than the field. */
export function classOf({
  metadata,
  spec,
}: {
  metadata: { annotations?: Readonly<Record<string, string>> };
  spec: { storageClassName?: string };
}): string {
  return metadata.annotations?.[betaClass] ?? spec.storageClassName ?? "";
}
