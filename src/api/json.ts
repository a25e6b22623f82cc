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

/** A deep copy that shares nothing with the original. */
export function cloneJson<T>(value: T): T {
  return structuredClone(value);
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
