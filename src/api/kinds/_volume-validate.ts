/** Rules of a Pod's volumes: one source each, and what each source must hold. Source: the field docs of Volume. */
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from "kubernetes-types/core/v1";
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel } from "../names.ts";
import { parseQuantity } from "../quantity.ts";
import { checked } from "./_check.ts";
import { validateClaimSpec } from "./_claim.ts";
import { validateVolumeField, validateVolumeResource } from "./_field-ref.ts";

const maxMode = 0o777;
const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;
const hostPathTypes = [
  ...["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
];

/** Sources of which there is nothing to say but what they must hold. */
const requiredParts: Readonly<Record<string, readonly string[]>> = {
  awsElasticBlockStore: ["volumeID"],
  azureDisk: ["diskName", "diskURI"],
  azureFile: ["secretName", "shareName"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  configMap: ["name"],
  csi: ["driver"],
  flexVolume: ["driver"],
  gcePersistentDisk: ["pdName"],
  gitRepo: ["repository"],
  glusterfs: ["endpoints", "path"],
  hostPath: ["path"],
  iscsi: ["targetPortal", "iqn"],
  nfs: ["server", "path"],
  persistentVolumeClaim: ["claimName"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  quobyte: ["registry", "volume"],
  rbd: ["monitors", "image"],
  scaleIO: ["gateway", "system", "volumeName"],
  secret: ["secretName"],
  vsphereVolume: ["volumePath"],
};

export function validateVolumes(field: string, volumes: readonly Volume[]): FieldError[] {
  const seen = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const path = `${field}[${index}]`;
    const sources = Object.entries(volume).filter(([key, value]) => key !== "name" && value);
    const faults = sources.length === 0 ? [required(path, "must specify a volume type")] : [];
    for (const [extra] of sources.slice(1)) {
      faults.push(forbidden(`${path}.${extra}`, "may not specify more than 1 volume type"));
    }
    if (!volume.name) faults.push(required(`${path}.name`));
    else if (seen.has(volume.name)) faults.push(duplicate(`${path}.name`, volume.name));
    else faults.push(...checked(`${path}.name`, volume.name, checkDnsLabel(volume.name)));
    seen.add(volume.name);
    for (const [name, source] of sources) faults.push(...validateParts(`${path}.${name}`, name, source));
    return [...faults, ...validateSource(path, volume)];
  });
}

function validateParts(path: string, name: string, source: object): FieldError[] {
  return (requiredParts[name] ?? []).flatMap((part) => {
    const value: unknown = Reflect.get(source, part);
    const isEmpty = !value || (Array.isArray(value) && value.length === 0);
    return isEmpty ? [required(`${path}.${part}`)] : [];
  });
}

function validateSource(path: string, volume: Volume): FieldError[] {
  const { configMap, secret, hostPath, nfs, emptyDir, downwardAPI, projected, ephemeral } = volume;
  const faults: FieldError[] = [];
  if (configMap) faults.push(...validateFiles(`${path}.configMap`, configMap));
  if (secret) faults.push(...validateFiles(`${path}.secret`, secret));
  if (hostPath?.path?.split("/").includes("..")) {
    faults.push(invalid(`${path}.hostPath.path`, hostPath.path, "must not contain '..'"));
  }
  if (hostPath?.type !== undefined && !hostPathTypes.includes(hostPath.type)) {
    faults.push(notSupported(`${path}.hostPath.type`, hostPath.type, hostPathTypes));
  }
  if (nfs?.path && !nfs.path.startsWith("/")) {
    faults.push(invalid(`${path}.nfs.path`, nfs.path, "must be an absolute path"));
  }
  const limit = emptyDir?.sizeLimit;
  if (limit !== undefined && (parseQuantity(limit)?.nano ?? -1n) < 0n) {
    faults.push(forbidden(`${path}.emptyDir.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
  }
  if (downwardAPI) {
    faults.push(...validateMode(`${path}.downwardAPI.defaultMode`, downwardAPI.defaultMode));
    faults.push(...validateDownwardFiles(`${path}.downwardAPI`, downwardAPI.items ?? []));
  }
  if (projected) faults.push(...validateProjected(`${path}.projected`, projected));
  if (ephemeral) {
    const template = ephemeral.volumeClaimTemplate;
    const field = `${path}.ephemeral.volumeClaimTemplate`;
    faults.push(...(template ? validateClaimSpec(`${field}.spec`, template.spec ?? {}) : [required(field)]));
  }
  return faults;
}

function validateMode(field: string, mode: number | undefined): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= maxMode)) return [];
  return [invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

/** A file below the volume: relative, and it neither climbs nor hides what the node keeps there. */
function validateFilePath(field: string, path: string | undefined): FieldError[] {
  if (!path) return [required(field)];
  const faults = path.startsWith("/") ? [invalid(field, path, "must be a relative path")] : [];
  if (path.split("/").includes("..")) faults.push(invalid(field, path, "must not contain '..'"));
  else if (path.startsWith("..")) faults.push(invalid(field, path, "must not start with '..'"));
  return faults;
}

function validateFiles(
  path: string,
  { defaultMode, items = [] }: { readonly defaultMode?: number; readonly items?: readonly KeyToPath[] },
): FieldError[] {
  return [
    ...validateMode(`${path}.defaultMode`, defaultMode),
    ...items.flatMap(({ key, path: file, mode }, index) => {
      const at = `${path}.items[${index}]`;
      const faults = key ? [] : [required(`${at}.key`)];
      return [...faults, ...validateFilePath(`${at}.path`, file), ...validateMode(`${at}.mode`, mode)];
    }),
  ];
}

function validateDownwardFiles(path: string, items: readonly DownwardAPIVolumeFile[]): FieldError[] {
  return items.flatMap(({ path: file, fieldRef, resourceFieldRef, mode }, index) => {
    const at = `${path}.items[${index}]`;
    const faults = validateFilePath(`${at}.path`, file);
    if (fieldRef && resourceFieldRef) {
      faults.push(invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
    } else if (fieldRef) faults.push(...validateVolumeField(`${at}.fieldRef`, fieldRef));
    else if (resourceFieldRef) faults.push(...validateVolumeResource(`${at}.resourceFieldRef`, resourceFieldRef));
    else faults.push(required(at, "one of fieldRef and resourceFieldRef is required"));
    return [...faults, ...validateMode(`${at}.mode`, mode)];
  });
}

function validateProjected(path: string, { defaultMode, sources }: ProjectedVolumeSource): FieldError[] {
  return [
    ...validateMode(`${path}.defaultMode`, defaultMode),
    ...(sources ?? []).flatMap((source, index) => validateProjection(`${path}.sources[${index}]`, source)),
  ];
}

function validateProjection(path: string, source: VolumeProjection): FieldError[] {
  const given = Object.entries(source).filter(([, value]) => value);
  const faults = given.length === 0 ? [required(path, "must specify a volume type")] : [];
  for (const [extra] of given.slice(1)) {
    faults.push(forbidden(`${path}.${extra}`, "may not specify more than 1 volume type"));
  }
  for (const name of ["configMap", "secret"] as const) {
    const files = source[name];
    if (!files) continue;
    if (!files.name) faults.push(required(`${path}.${name}.name`));
    faults.push(...validateFiles(`${path}.${name}`, files));
  }
  if (source.downwardAPI) faults.push(...validateDownwardFiles(`${path}.downwardAPI`, source.downwardAPI.items ?? []));
  return source.serviceAccountToken
    ? [...faults, ...validateToken(`${path}.serviceAccountToken`, source.serviceAccountToken)]
    : faults;
}

function validateToken(
  path: string,
  { expirationSeconds: seconds, path: file }: NonNullable<VolumeProjection["serviceAccountToken"]>,
): FieldError[] {
  const field = `${path}.expirationSeconds`;
  const faults: FieldError[] = [];
  if (seconds !== undefined && seconds < minTokenSeconds) {
    faults.push(invalid(field, seconds, "may not specify a duration less than 10 minutes"));
  }
  if (seconds !== undefined && seconds > maxTokenSeconds) {
    faults.push(invalid(field, seconds, "may not specify a duration larger than 2^32 seconds"));
  }
  return [...faults, ...validateFilePath(`${path}.path`, file)];
}
