/** Custom objects as they are kept: unknown fields are dropped, defaults filled in. Source: Kubernetes "Extend the Kubernetes API with CustomResourceDefinitions", field pruning, defaulting. */
import { cloneJson, isJsonObject, type JsonObject, setField } from "../json.ts";
import { decode } from "../schema.ts";
import { fieldPath, itemPath, type JsonSchema, keepsUnknown, propertyOf } from "./json-schema.ts";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

export interface Pruned {
  readonly value: JsonObject;
  /** `unknown field "spec.foo"`. */
  readonly unknown: readonly string[];
  /** Faults of metadata, whose types are Kubernetes' own. */
  readonly errors: readonly string[];
}

interface Faults {
  readonly unknown: string[];
  readonly errors: string[];
}

function pruneMetadata(value: unknown, path: string, faults: Faults): unknown {
  if (value === null) return value;
  const { value: metadata, unknown, errors } = decode(objectMeta, value);
  const place = fieldPath(path, "metadata");
  faults.unknown.push(...unknown.map((text) => text.replace('field "', `field "${place}.`)));
  faults.errors.push(...errors);
  return metadata;
}

function pruneObject(value: JsonObject, schema: JsonSchema, faults: Faults, place: { path: string; whole: boolean }) {
  const result: JsonObject = {};
  for (const [field, item] of Object.entries(value)) {
    const path = fieldPath(place.path, field);
    if (place.whole && (field === "apiVersion" || field === "kind")) result[field] = item;
    else if (place.whole && field === "metadata") result[field] = pruneMetadata(item, place.path, faults);
    else {
      const below = propertyOf(schema, field);
      if (below) setField(result, field, pruneValue(item, below, faults, path));
      else if (keepsUnknown(schema)) setField(result, field, cloneJson(item));
      else faults.unknown.push(`unknown field ${JSON.stringify(path)}`);
    }
  }
  return result;
}

function pruneValue(value: unknown, schema: JsonSchema, faults: Faults, path: string): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.map((item, index) => pruneValue(item, items, faults, itemPath(path, index)))
      : cloneJson(value);
  }
  if (!isJsonObject(value)) return value;
  return pruneObject(value, schema, faults, { path, whole: schema["x-kubernetes-embedded-resource"] === true });
}

/** A private copy of `value` without what its schema does not know. */
export function prune(value: JsonObject, schema: JsonSchema): Pruned {
  const faults: Faults = { unknown: [], errors: [] };
  return { value: pruneObject(value, schema, faults, { path: "", whole: true }), ...faults };
}

/** Fills defaults in place; a null where none may be counts as left out, if there is a default. */
export function applyDefaults(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [field, below] of Object.entries(schema.properties ?? {})) {
    const missing = value[field] === undefined || (value[field] === null && !below.nullable);
    if (missing && below.default !== undefined) setField(value, field, cloneJson(below.default));
  }
  for (const [field, item] of Object.entries(value)) {
    const below = propertyOf(schema, field);
    if (below) applyDefaults(item, below);
  }
}
