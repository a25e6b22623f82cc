/** Rules of what containers and volumes may read of their own Pod. Source: Kubernetes "Downward API". */
import type { ObjectFieldSelector, ResourceFieldSelector } from "kubernetes-types/core/v1";
import { invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import { checked } from "./_check.ts";

const ofBoth = ["metadata.name", "metadata.namespace", "metadata.uid"];
const ofEnv = [
  ...ofBoth,
  ...["spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"],
];
const ofVolumes = ["metadata.annotations", "metadata.labels", ...ofBoth];
/** Fields that are known, but told to nobody inside. */
const otherFields = [
  ...["spec.restartPolicy", "spec.schedulerName", "spec.hostNetwork", "status.phase", "status.nominatedNodeName"],
];
const resources = [
  ...["limits.cpu", "limits.memory", "limits.ephemeral-storage"],
  ...["requests.cpu", "requests.memory", "requests.ephemeral-storage"],
];

/** One label or annotation: "metadata.labels['app']". */
const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/;

function validateField(
  field: string,
  { apiVersion, fieldPath }: ObjectFieldSelector,
  allowed: readonly string[],
): FieldError[] {
  if (!apiVersion) return [required(`${field}.apiVersion`)];
  if (!fieldPath) return [required(`${field}.fieldPath`)];
  const path = `${field}.fieldPath`;
  const key = subscript.exec(fieldPath)?.[2];
  if (key !== undefined) return checked(path, key, checkQualifiedName(key.toLowerCase()));
  if (allowed.includes(fieldPath)) return [];
  const isKnown = [...ofEnv, ...ofVolumes, ...otherFields].includes(fieldPath);
  if (!isKnown)
    return [invalid(path, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
  return [notSupported(path, fieldPath, [...allowed].sort())];
}

export function validateEnvField(field: string, selector: ObjectFieldSelector): FieldError[] {
  return validateField(field, selector, ofEnv);
}

export function validateVolumeField(field: string, selector: ObjectFieldSelector): FieldError[] {
  return validateField(field, selector, ofVolumes);
}

export function validateEnvResource(field: string, { resource }: ResourceFieldSelector): FieldError[] {
  if (!resource) return [required(`${field}.resource`)];
  const isKnown = resources.includes(resource) || /^(limits|requests)\.hugepages-/.test(resource);
  return isKnown ? [] : [notSupported(`${field}.resource`, resource, [...resources].sort())];
}

/** A volume belongs to no container, so that it must name one. */
export function validateVolumeResource(field: string, selector: ResourceFieldSelector): FieldError[] {
  if (!selector.containerName) return [required(`${field}.containerName`)];
  return validateEnvResource(field, selector);
}
