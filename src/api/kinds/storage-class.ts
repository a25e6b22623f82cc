import { isDeepStrictEqual } from "node:util";
import { forbidden, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import type { StorageClass } from "../object.ts";
import { storageClasses } from "../resource.ts";
import { checked, immutable } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";

const reclaimPolicies = ["Delete", "Retain"];
const bindingModes = ["Immediate", "WaitForFirstConsumer"];
const defaultAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

function validate({ provisioner, reclaimPolicy, volumeBindingMode: mode }: StorageClass): FieldError[] {
  const faults = provisioner
    ? checked("provisioner", provisioner, checkQualifiedName(provisioner.toLowerCase()))
    : [required("provisioner")];
  if (reclaimPolicy !== undefined && !reclaimPolicies.includes(reclaimPolicy)) {
    faults.push(notSupported("reclaimPolicy", reclaimPolicy, reclaimPolicies));
  }
  if (!mode) faults.push(required("volumeBindingMode"));
  else if (!bindingModes.includes(mode)) faults.push(notSupported("volumeBindingMode", mode, bindingModes));
  return faults;
}

const fixedFields = ["parameters", "provisioner", "reclaimPolicy"] as const;

function validateUpdate(storageClass: StorageClass, old: StorageClass): FieldError[] {
  const faults = fixedFields.flatMap((field) =>
    isDeepStrictEqual(storageClass[field], old[field]) ? [] : [forbidden(field, `updates to ${field} are forbidden.`)],
  );
  return [...faults, ...immutable("volumeBindingMode", storageClass.volumeBindingMode, old.volumeBindingMode)];
}

function nameCell({ metadata }: StorageClass): string {
  const isDefault = defaultAnnotations.some((annotation) => metadata.annotations?.[annotation] === "true");
  return isDefault ? `${metadata.name} (default)` : metadata.name;
}

export const storageClassKind: Kind<StorageClass> = {
  ...storageClasses,
  singular: "storageclass",
  shortNames: ["sc"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.storage.v1.StorageClass",
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ??= "Delete";
    storageClass.volumeBindingMode ??= "Immediate";
  },
  validate,
  validateUpdate,
  columns: [
    { ...nameColumn, cell: nameCell },
    text("Provisioner", "Who makes its volumes.", ({ provisioner }) => provisioner ?? ""),
    text(
      "ReclaimPolicy",
      "What becomes of a volume that is given back.",
      ({ reclaimPolicy }) => reclaimPolicy ?? "Delete",
    ),
    text(
      "VolumeBindingMode",
      "When claims get their volumes.",
      ({ volumeBindingMode }) => volumeBindingMode ?? "<unset>",
    ),
    text(
      "AllowVolumeExpansion",
      "Whether volumes can grow.",
      ({ allowVolumeExpansion }) => allowVolumeExpansion === true,
    ),
    ageColumn,
  ],
};
