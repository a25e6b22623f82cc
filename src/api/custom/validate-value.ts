/** Holds a value against its schema. Texts are those of Kubernetes' validation of custom resources. */
import { duplicate, invalid, notSupported, required, tooLong, tooMany } from "../field-error.ts";
import { isJsonObject, type JsonObject, jsonEqual } from "../json.ts";
import type { FieldError } from "../kind.ts";
import { hasFormat } from "./formats.ts";
import { fieldPath, itemPath, type JsonSchema, propertyOf } from "./json-schema.ts";

const patterns = new Map<string, RegExp | undefined>();

/** Go's syntax where JavaScript's differs: flags at the start, `\A`, `\z`, POSIX classes are not in use in published schemas. */
export function compilePattern(pattern: string): RegExp | undefined {
  if (patterns.has(pattern)) return patterns.get(pattern);
  const [, flags = "", body = pattern] = /^\(\?([ims]+)\)(.*)$/s.exec(pattern) ?? [];
  const text = body.replaceAll("\\A", "^").replaceAll("\\z", "$").replaceAll("(?P<", "(?<");
  let compiled: RegExp | undefined;
  for (const mode of ["u", ""]) {
    try {
      compiled ??= new RegExp(text, flags + mode);
    } catch {
      // The next mode is more lenient.
    }
  }
  patterns.set(pattern, compiled);
  return compiled;
}

const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
};

/** Kubernetes says `<nil>` for the object as a whole. */
const shownPath = (path: string): string => path || "<nil>";
const inBody = (path: string, text: string): string => `${path} in body ${text}`;

function typeFault(value: unknown, wanted: string, path: string): FieldError {
  const found = typeOf(value);
  const shown = JSON.stringify(found);
  const detail = `Invalid value: ${shown}: ${inBody(path, `must be of type ${wanted}: ${shown}`)}`;
  return { reason: "FieldValueTypeInvalid", field: shownPath(path), detail };
}

function hasType(value: unknown, { type, "x-kubernetes-int-or-string": either }: JsonSchema): boolean {
  const found = typeOf(value);
  if (either) return found === "integer" || found === "string";
  return !type || found === type || (type === "number" && found === "integer");
}

function validateNumber(value: number, schema: JsonSchema, path: string): FieldError[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const faults: FieldError[] = [];
  const fault = (text: string): void => void faults.push(invalid(path, value, inBody(path, `should be ${text}`)));
  if (minimum !== undefined) {
    if (exclusiveMinimum && value <= minimum) fault(`greater than ${minimum}`);
    else if (value < minimum) fault(`greater than or equal to ${minimum}`);
  }
  if (maximum !== undefined) {
    if (exclusiveMaximum && value >= maximum) fault(`less than ${maximum}`);
    else if (value > maximum) fault(`less than or equal to ${maximum}`);
  }
  if (multipleOf && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) {
    fault(`a multiple of ${multipleOf}`);
  }
  return faults;
}

function validateText(value: string, { minLength, maxLength, pattern }: JsonSchema, path: string): FieldError[] {
  const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length;
  const faults: FieldError[] = [];
  if (maxLength !== undefined && length > maxLength) faults.push(tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) {
    faults.push(invalid(path, value, inBody(path, `should be at least ${minLength} chars long`)));
  }
  if (pattern && compilePattern(pattern)?.test(value) === false) {
    faults.push(invalid(path, value, inBody(path, `should match '${pattern}'`)));
  }
  return faults;
}

/** Items of a set are unlike, items of a map have unlike keys. */
function validateKeys(value: readonly unknown[], schema: JsonSchema, path: string): FieldError[] {
  const { "x-kubernetes-list-type": type, "x-kubernetes-list-map-keys": keys = [], items, uniqueItems } = schema;
  if (type !== "map" && type !== "set" && !uniqueItems) return [];
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    const keyed = type === "map" && isJsonObject(item);
    const own = keyed
      ? Object.fromEntries(keys.map((key) => [key, item[key] ?? items?.properties?.[key]?.default]))
      : item;
    const key = JSON.stringify(own);
    if (seen.has(key)) return [duplicate(itemPath(path, index), own)];
    seen.add(key);
    return [];
  });
}

function validateList(value: readonly unknown[], schema: JsonSchema, path: string): FieldError[] {
  const { minItems, maxItems, items } = schema;
  const faults: FieldError[] = [];
  if (maxItems !== undefined && value.length > maxItems) faults.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    faults.push(invalid(path, value.length, inBody(path, `should have at least ${minItems} items`)));
  }
  if (items) for (const [index, item] of value.entries()) faults.push(...validate(item, items, itemPath(path, index)));
  return [...faults, ...validateKeys(value, schema, path)];
}

function validateObject(value: JsonObject, schema: JsonSchema, path: string): FieldError[] {
  const { minProperties, maxProperties, required: needed = [] } = schema;
  const fields = Object.keys(value);
  const faults = needed.filter((field) => value[field] === undefined).map((field) => required(fieldPath(path, field)));
  if (maxProperties !== undefined && fields.length > maxProperties) {
    faults.push(tooMany(shownPath(path), fields.length, maxProperties));
  }
  if (minProperties !== undefined && fields.length < minProperties) {
    const text = inBody(path, `should have at least ${minProperties} properties`);
    faults.push(invalid(shownPath(path), fields.length, text));
  }
  for (const field of fields) {
    const below = propertyOf(schema, field);
    if (below) faults.push(...validate(value[field], below, fieldPath(path, field)));
  }
  if (schema["x-kubernetes-embedded-resource"]) {
    const missing = ["apiVersion", "kind"].filter((field) => !value[field] && !needed.includes(field));
    faults.push(...missing.map((field) => required(fieldPath(path, field))));
  }
  return faults;
}

const fewest = (lists: readonly FieldError[][]): FieldError[] =>
  lists.reduce((best, list) => (list.length < best.length ? list : best), lists[0] ?? []);

/** Schemas that only look at the value: allOf, anyOf, oneOf, not. */
function validateJunctors(value: unknown, { allOf, anyOf, oneOf, not }: JsonSchema, path: string): FieldError[] {
  const faults: FieldError[] = [];
  const fault = (text: string): void =>
    void faults.push(
      invalid(shownPath(path), isJsonObject(value) ? "" : value, `${JSON.stringify(path)} must ${text}`),
    );
  const results = (schemas: readonly JsonSchema[]): FieldError[][] => schemas.map((one) => validate(value, one, path));
  if (allOf) {
    const all = results(allOf).flat();
    if (all.length > 0) {
      fault("validate all the schemas (allOf)");
      faults.push(...all);
    }
  }
  if (anyOf) {
    const any = results(anyOf);
    if (any.every((list) => list.length > 0)) {
      fault("validate at least one schema (anyOf)");
      faults.push(...fewest(any));
    }
  }
  if (oneOf) {
    const one = results(oneOf);
    const valid = one.filter((list) => list.length === 0).length;
    if (valid !== 1) {
      fault(`validate one and only one schema (oneOf). Found ${valid === 0 ? "none" : valid} valid`);
      if (valid === 0) faults.push(...fewest(one));
    }
  }
  if (not && validate(value, not, path).length === 0) fault("not validate the schema (not)");
  return faults;
}

/** All faults of `value`; `path` is "" for the object itself. */
export function validate(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  if (value === null && schema.nullable) return [];
  if (!hasType(value, schema)) return [typeFault(value, schema.type ?? "integer,string", path)];
  const faults: FieldError[] = [];
  if (typeof value === "number") faults.push(...validateNumber(value, schema, path));
  else if (typeof value === "string") faults.push(...validateText(value, schema, path));
  else if (Array.isArray(value)) faults.push(...validateList(value, schema, path));
  else if (isJsonObject(value)) faults.push(...validateObject(value, schema, path));
  if (schema.enum && !schema.enum.some((allowed) => jsonEqual(allowed, value))) {
    const allowed = schema.enum.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
    faults.push(notSupported(path, value, allowed));
  }
  if (schema.format && !hasFormat(value, schema.format)) {
    const fault = invalid(path, value, inBody(path, `must be of type ${schema.format}: ${JSON.stringify(value)}`));
    faults.push({ ...fault, reason: "FieldValueTypeInvalid" });
  }
  return [...faults, ...validateJunctors(value, schema, path)];
}
