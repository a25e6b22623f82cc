/** Checks of metadata that all kinds share. Source: Kubernetes reference of `ObjectMeta`, with its texts. */
import { forbidden, invalid, required, tooLong } from "./field-error.ts";
import type { FieldError, Kind } from "./kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "./names.ts";
import type { KubeObject, ObjectMeta, OwnerReference } from "./object.ts";

const maxAnnotationBytes = 256 * 1024;
const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

type NameCheck = (name: string, isPrefix: boolean) => string[];

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkQualifiedName(key).map((fault) => invalid(path, key, fault)),
    ...checkLabelValue(value).map((fault) => invalid(path, value, fault)),
  ]);
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): FieldError[] {
  const entries = Object.entries(annotations ?? {});
  const faults = entries.flatMap(([key]) =>
    checkQualifiedName(key.toLowerCase()).map((fault) => invalid(path, key, fault)),
  );
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return sizeBytes > maxAnnotationBytes ? [...faults, tooLong(path, maxAnnotationBytes)] : faults;
}

/** `lenient`: names without a domain are legal for custom resources and their definitions. */
function validateFinalizer(finalizer: string, path: string, lenient: boolean): FieldError[] {
  const faults = checkQualifiedName(finalizer).map((fault) => invalid(path, finalizer, fault));
  if (lenient || faults.length > 0 || finalizer.includes("/") || standardFinalizers.has(finalizer)) return faults;
  return [invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")];
}

function validateFinalizers(finalizers: readonly string[], path: string, lenient: boolean): FieldError[] {
  const faults = finalizers.flatMap((finalizer, index) => validateFinalizer(finalizer, `${path}[${index}]`, lenient));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    faults.push(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  return faults;
}

function validateOwner(owner: OwnerReference, path: string): FieldError[] {
  const faults: FieldError[] = [];
  // What is required may be missing all the same.
  const { apiVersion = "" } = owner;
  if (!apiVersion || apiVersion.split("/").length > 2) {
    faults.push(invalid(`${path}.apiVersion`, apiVersion, "version must not be empty"));
  }
  for (const field of ["kind", "name", "uid"] as const) {
    if (!owner[field]) faults.push(invalid(`${path}.${field}`, owner[field] ?? "", "must not be empty"));
  }
  if (owner.apiVersion === "v1" && owner.kind === "Event") {
    faults.push(invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"));
  }
  return faults;
}

function validateOwners(owners: readonly OwnerReference[], path: string): FieldError[] {
  const faults = owners.flatMap((owner) => validateOwner(owner, path));
  const controllers = owners.filter(({ controller }) => controller);
  if (controllers.length > 1) {
    const names = controllers.map(({ kind, name }) => `${kind}/${name}`).join(" and ");
    faults.push(
      invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${names}`,
      ),
    );
  }
  return faults;
}

function validateNames({ name, generateName }: ObjectMeta, check: NameCheck, path: string): FieldError[] {
  const prefix = generateName
    ? check(generateName, true).map((fault) => invalid(`${path}.generateName`, generateName, fault))
    : [];
  if (!name) return [...prefix, required(`${path}.name`, "name or generateName is required")];
  return [...prefix, ...check(name, false).map((fault) => invalid(`${path}.name`, name, fault))];
}

function validateNamespace(namespace: string | undefined, namespaced: boolean, path: string): FieldError[] {
  if (!namespaced) return namespace ? [forbidden(`${path}.namespace`, "not allowed on this type")] : [];
  if (!namespace) return [required(`${path}.namespace`)];
  return checkDnsLabel(namespace).map((fault) => invalid(`${path}.namespace`, namespace, fault));
}

/** All faults of an object's metadata, e.g. `metadata.labels: Invalid value: "a b": a valid label must be …`. */
export function validateMetadata(
  object: KubeObject,
  kind: Pick<Kind, "namespaced" | "validateName" | "plainFinalizers">,
  { path = "metadata", old }: { path?: string; old?: KubeObject } = {},
): FieldError[] {
  const { metadata } = object;
  // A name that was stored under another rule stays legal (service-api S49).
  const isKept = old !== undefined && old.metadata.name === metadata.name;
  const lenient = kind.plainFinalizers === true;
  return [
    ...(isKept ? [] : validateNames(metadata, kind.validateName ?? checkDnsSubdomain, path)),
    ...validateNamespace(metadata.namespace, kind.namespaced, path),
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validateFinalizers(metadata.finalizers ?? [], `${path}.finalizers`, lenient),
    ...validateOwners(metadata.ownerReferences ?? [], `${path}.ownerReferences`),
  ];
}

const immutable = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** Faults of a change of metadata: identity may not change, and no finalizer may be added while the object goes. */
export function validateMetadataUpdate(object: KubeObject, old: KubeObject, path = "metadata"): FieldError[] {
  const faults = immutable
    .filter((field) => object.metadata[field] !== old.metadata[field])
    .map((field) => invalid(`${path}.${field}`, object.metadata[field] ?? null, "field is immutable"));
  if (!old.metadata.deletionTimestamp) return faults;
  const kept = new Set(old.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !kept.has(finalizer));
  if (added.length === 0) return faults;
  const text = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(", ")}}`;
  return [...faults, forbidden(`${path}.finalizers`, text)];
}
