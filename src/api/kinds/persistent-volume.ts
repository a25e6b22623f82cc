import { isDeepStrictEqual } from "node:util";
import type { PersistentVolumeSpec } from "kubernetes-types/core/v1";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { PersistentVolume } from "../object.ts";
import { persistentVolumes } from "../resource.ts";
import { immutable, oneOf } from "./_check.ts";
import {
  classOf,
  formatAccessModes,
  validateAccessModes,
  validateClassName,
  validatePositive,
  validateVolumeMode,
} from "./_claim.ts";
import { ageColumn, nameColumn, text, wide } from "./_column.ts";
import { unifiedDiff } from "./_diff.ts";
import { dropGeneration } from "./_generation.ts";
import { specOf } from "./_workload.ts";

const reclaimPolicies = ["Delete", "Recycle", "Retain"];
/** Fields of the spec that say where the data is, with what each must hold. */
const sources: Readonly<Record<string, readonly string[]>> = {
  awsElasticBlockStore: ["volumeID"],
  azureDisk: ["diskName", "diskURI"],
  azureFile: ["secretName", "shareName"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  csi: ["driver", "volumeHandle"],
  fc: [],
  flexVolume: ["driver"],
  flocker: [],
  gcePersistentDisk: ["pdName"],
  glusterfs: ["endpoints", "path"],
  hostPath: ["path"],
  iscsi: ["targetPortal", "iqn"],
  local: ["path"],
  nfs: ["server", "path"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  quobyte: ["registry", "volume"],
  rbd: ["monitors", "image"],
  scaleIO: ["gateway", "system", "volumeName"],
  storageos: [],
  vsphereVolume: ["volumePath"],
};

/** The parts that came after the published types. */
type Classed = PersistentVolumeSpec & { volumeAttributesClassName?: string };

/** Name and value of each source that is set. */
function sourceFault(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): string {
  const [before, after] = [old, spec].map((one) => Object.fromEntries(sourcesOf(one)));
  return `spec.persistentvolumesource is immutable after creation\n${unifiedDiff(before, after)}`;
}

function sourcesOf(spec: PersistentVolumeSpec): [name: string, source: Readonly<Record<string, unknown>>][] {
  return Object.entries(spec).filter(([field, source]) => Object.hasOwn(sources, field) && source);
}

function setDefaults(volume: PersistentVolume): void {
  const spec = specOf(volume);
  spec.persistentVolumeReclaimPolicy ||= "Retain";
  spec.volumeMode ??= "Filesystem";
  if (spec.hostPath) spec.hostPath.type ??= "";
}

function validate({ spec }: PersistentVolume): FieldError[] {
  const { accessModes = [], persistentVolumeReclaimPolicy: policy } = spec;
  return [
    ...(accessModes.length > 0 ? [] : [required("spec.accessModes")]),
    ...validateAccessModes("spec.accessModes", accessModes),
    ...validateCapacity(spec),
    ...oneOf("spec.persistentVolumeReclaimPolicy", policy, reclaimPolicies),
    ...validateSources(spec),
    ...validateClassName("spec.storageClassName", spec.storageClassName),
    ...validateVolumeMode("spec.volumeMode", spec.volumeMode),
  ];
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec): FieldError[] {
  const names = Object.keys(capacity);
  if (names.length === 0) return [required("spec.capacity")];
  const { storage } = capacity;
  if (storage === undefined || names.length > 1) return [notSupported("spec.capacity", capacity, ["storage"])];
  return validatePositive("spec.capacity[storage]", storage);
}

function validateSources(spec: PersistentVolumeSpec): FieldError[] {
  const given = sourcesOf(spec);
  if (given.length === 0) return [required("spec", "must specify a volume type")];
  const faults = given.slice(1).map(([name]) => forbidden(`spec.${name}`, "may not specify more than 1 volume type"));
  for (const [name, source] of given.slice(0, 1)) {
    for (const field of sources[name] ?? []) {
      const value = source[field];
      if (!value || (Array.isArray(value) && value.length === 0)) faults.push(required(`spec.${name}.${field}`));
    }
  }
  for (const name of ["hostPath", "local"] as const) {
    const path = spec[name]?.path;
    if (!path?.split("/").includes("..")) continue;
    faults.push(invalid(`spec.${name}.path`, path, "must not contain '..'"));
  }
  if (spec.local && !spec.nodeAffinity) {
    faults.push(required("spec.nodeAffinity", "Local volume requires node affinity"));
  }
  if (spec.hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
    faults.push(forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"));
  }
  return faults;
}

function validateUpdate({ spec }: PersistentVolume, { spec: old }: PersistentVolume): FieldError[] {
  const faults = isDeepStrictEqual(sourcesOf(spec), sourcesOf(old))
    ? []
    : [forbidden("spec.persistentvolumesource", sourceFault(spec, old))];
  faults.push(...immutable("spec.volumeMode", spec.volumeMode, old.volumeMode));
  if (old.nodeAffinity) faults.push(...immutable("spec.nodeAffinity", spec.nodeAffinity ?? null, old.nodeAffinity));
  return faults;
}

function claimCell({ spec }: PersistentVolume): string {
  return spec.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : "";
}

export const persistentVolumeKind: Kind<PersistentVolume> = {
  ...persistentVolumes,
  singular: "persistentvolume",
  shortNames: ["pv"],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.core.v1.PersistentVolume",
  setDefaults,
  prepareForCreate(volume) {
    dropGeneration(volume);
    Object.assign(volume, { status: { phase: "Pending" } });
  },
  validate,
  validateUpdate,
  fieldSelectors: { name: ({ metadata }) => metadata.name },
  columns: [
    nameColumn,
    text("Capacity", "Its size.", ({ spec }) => spec.capacity?.storage ?? "0"),
    text("Access Modes", "How Pods can use it.", ({ spec }) => formatAccessModes(spec.accessModes)),
    text("Reclaim Policy", "What becomes of it when its claim goes.", ({ spec }) => {
      return spec.persistentVolumeReclaimPolicy ?? "";
    }),
    text("Status", "Whether it is claimed.", ({ metadata, status }) => {
      return metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? "");
    }),
    text("Claim", "Who claims it.", claimCell),
    text("StorageClass", "Name of its StorageClass.", classOf),
    text("VolumeAttributesClass", "Name of its VolumeAttributesClass.", ({ spec }) => {
      return (spec as Classed).volumeAttributesClassName ?? "<unset>";
    }),
    text("Reason", "Why it is in its state.", ({ status }) => status?.reason ?? ""),
    ageColumn,
    wide(text("VolumeMode", "Files, or a block device.", ({ spec }) => spec.volumeMode ?? "<unset>")),
  ],
};
