/** Rules of ephemeral containers: what they may not have, and how they join a Pod. Source: Kubernetes "Ephemeral Containers". */
import { isDeepStrictEqual } from "node:util";
import type { EphemeralContainer, PodSpec } from "kubernetes-types/core/v1";
import { duplicate, forbidden, notFound, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel } from "../names.ts";
import type { Pod } from "../object.ts";
import { checked } from "./_check.ts";
import { validateContainer } from "./_container-validate.ts";

const forbiddenFields = [
  ...(["lifecycle", "livenessProbe", "ports", "readinessProbe", "resizePolicy", "startupProbe"] as const),
  ...(["resources", "restartPolicy"] as const),
];
const notHere = "cannot be set for an Ephemeral Container";

function isSet(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  return Object.keys(value).length > 0;
}

/** Faults of the ephemeral containers of the Pod spec that stands at `field`. */
export function validateEphemeralContainers(field: string, spec: PodSpec): FieldError[] {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  const names = new Set(others);
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  return (spec.ephemeralContainers ?? []).flatMap((container, index) => {
    const path = `${field}.ephemeralContainers[${index}]`;
    const faults = validateName(`${path}.name`, container.name, names);
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.includes(target)) faults.push(notFound(`${path}.targetContainerName`, target));
    return [...faults, ...validateContainer(path, container, volumes), ...validateFields(path, container)];
  });
}

function validateName(field: string, name: string, names: ReadonlySet<string>): FieldError[] {
  if (!name) return [required(field)];
  return names.has(name) ? [duplicate(field, name)] : checked(field, name, checkDnsLabel(name));
}

function validateFields(path: string, container: EphemeralContainer): FieldError[] {
  const faults = forbiddenFields
    .filter((field) => isSet(container[field]))
    .map((field) => forbidden(`${path}.${field}`, notHere));
  for (const [index, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
    if (subPath) faults.push(forbidden(`${path}.volumeMounts[${index}].subPath`, notHere));
    if (subPathExpr) faults.push(forbidden(`${path}.volumeMounts[${index}].subPathExpr`, notHere));
  }
  return faults;
}

/** Faults of a write to the subresource `ephemeralcontainers`: containers are only added. */
export function validateEphemeralUpdate({ spec }: Pod, { spec: old }: Pod): FieldError[] {
  const now = new Map((spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  return (old.ephemeralContainers ?? []).flatMap((container) => {
    const next = now.get(container.name);
    if (next && isDeepStrictEqual(next, container)) return [];
    const state = next ? "changed" : "removed";
    const detail = `existing ephemeral containers ${JSON.stringify(container.name)} may not be ${state}\n`;
    return [forbidden("spec.ephemeralContainers", detail)];
  });
}
