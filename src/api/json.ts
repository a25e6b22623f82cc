/** JSON data that has no type yet: manifests, patches, stored objects seen by generic machinery. */
import { isDeepStrictEqual } from "node:util";

export type JsonObject = { [field: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equal as JSON: the order of fields does not matter, the order of list items does. */
export const jsonEqual: (a: unknown, b: unknown) => boolean = isDeepStrictEqual;

/** "object", "array", "string", "number", "bool" or "null", as decoding errors word it. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Does it nest lists and objects in more than `levels` levels? */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}

/** A deep copy that shares nothing with the original that could change; a tenth of the time of structuredClone(), which copies strings too. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  const copy: JsonObject = {};
  for (const field of Object.keys(value)) setField(copy, field, cloneJson((value as JsonObject)[field]));
  return copy as T;
}

/** The value of a field that the record itself has: "constructor" is no key of an empty one. */
export function ownField<T>(record: Readonly<Record<string, T>> | undefined, field: string): T | undefined {
  return record && Object.hasOwn(record, field) ? record[field] : undefined;
}

/** Plain assignment to "__proto__" would change the object's prototype; this makes it a field as any other. */
export function setField(object: JsonObject, field: string, value: unknown): void {
  if (field === "__proto__")
    Object.defineProperty(object, field, { value, enumerable: true, configurable: true, writable: true });
  else object[field] = value;
}
