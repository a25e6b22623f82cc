import { isDeepStrictEqual } from "node:util";
import { forbidden } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { PersistentVolumeClaim } from "../object.ts";
import { compareQuantities, parseQuantity } from "../quantity.ts";
import { persistentVolumeClaims } from "../resource.ts";
import { classOf, formatAccessModes, setClaimDefaults, validateClaimSpec } from "./_claim.ts";
import { ageColumn, nameColumn, text, wide } from "./_column.ts";
import { unifiedDiff } from "./_diff.ts";
import { dropGeneration } from "./_generation.ts";
import { specOf } from "./_workload.ts";

type Claim = PersistentVolumeClaim;
/** The part that came after the published types. */
type Classed = { volumeAttributesClassName?: string };

/** Once bound, a claim may grow and change its class of attributes; unbound, it may be given a volume. */
function validateUpdate({ spec }: Claim, { spec: old, status }: Claim): FieldError[] {
  const fixed = ({ resources: _resources, volumeName, ...rest }: Claim["spec"]): unknown => ({
    ...rest,
    volumeAttributesClassName: undefined,
    volumeName: old.volumeName ? volumeName : undefined,
  });
  const isBound = status?.phase === "Bound";
  const changed = !isDeepStrictEqual(fixed(spec), fixed(old));
  const [now, before] = [spec.resources?.requests?.storage, old.resources?.requests?.storage];
  const resized = !isDeepStrictEqual(spec.resources, old.resources);
  if (changed || (resized && !isBound)) {
    const detail =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    const [before, after] = [old, spec].map((whole) => ({ ...whole, ...(isBound ? { resources: undefined } : {}) }));
    return [forbidden("spec", `${detail}\n${unifiedDiff(before, after)}`)];
  }
  if (!now || !before || !parseQuantity(now) || compareQuantities(now, before) >= 0) return [];
  return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")];
}

const isBound = ({ spec }: Claim): boolean => Boolean(spec.volumeName);

export const persistentVolumeClaimKind: Kind<Claim> = {
  ...persistentVolumeClaims,
  singular: "persistentvolumeclaim",
  shortNames: ["pvc"],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.core.v1.PersistentVolumeClaim",
  setDefaults: (claim) => setClaimDefaults(specOf(claim)),
  prepareForCreate(claim) {
    dropGeneration(claim);
    Object.assign(claim, { status: { phase: "Pending" } });
  },
  validate: ({ spec }) => validateClaimSpec("spec", spec),
  validateUpdate,
  fieldSelectors: { name: ({ metadata }) => metadata.name },
  columns: [
    nameColumn,
    text("Status", "Whether it has a volume.", ({ metadata, status }) => {
      return metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? "");
    }),
    text("Volume", "Name of its volume.", ({ spec }) => spec.volumeName ?? ""),
    text("Capacity", "Size of its volume.", (claim) =>
      isBound(claim) ? (claim.status?.capacity?.storage ?? "0") : "",
    ),
    text("Access Modes", "How Pods can use its volume.", (claim) => {
      return isBound(claim) ? formatAccessModes(claim.status?.accessModes) : "";
    }),
    text("StorageClass", "Name of its StorageClass.", classOf),
    text("VolumeAttributesClass", "Name of its VolumeAttributesClass.", ({ spec }) => {
      return (spec as Classed).volumeAttributesClassName ?? "<unset>";
    }),
    ageColumn,
    wide(text("VolumeMode", "Files, or a block device.", ({ spec }) => spec.volumeMode ?? "<unset>")),
  ],
};
