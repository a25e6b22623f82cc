/**
 * Rules in the Common Expression Language, `x-kubernetes-validations`. Source: Kubernetes "Extend the Kubernetes API with
 * CustomResourceDefinitions", validation rules.
 */
import type { Environment } from "@marcbachmann/cel-js";
import { createEnvironment, firstLine } from "../cel/environment.ts";
import { duplicate, forbidden, required } from "../field-error.ts";
import { isJsonObject } from "../json.ts";
import type { FieldError } from "../kind.ts";
import { fieldPath, itemPath, type JsonSchema, mapPath, propertyOf, type ValidationRule } from "./json-schema.ts";

type Evaluate = (context: { self: unknown; oldSelf?: unknown }) => unknown;

interface Rule {
  readonly test: Evaluate;
  /** Speaks of the value before, so it holds for updates only. */
  readonly ofChange: boolean;
}

let environment: Environment | undefined;
const compiled = new Map<string, Rule | { readonly fault: string; readonly broken: boolean }>();

/** A rule that can be tested; else why not: it is `broken`, or uses what is not known here. */
export function compileRule(text: string): Rule | { readonly fault: string; readonly broken: boolean } {
  const known = compiled.get(text);
  if (known) return known;
  environment ??= createEnvironment(["self", "oldSelf"]);
  const language = environment;
  const make = (): Rule | { fault: string; broken: boolean } => {
    try {
      const parsed = language.parse(text);
      const { valid, error } = parsed.check();
      if (!valid) return { fault: firstLine(error), broken: false };
      return { test: parsed as unknown as Evaluate, ofChange: /\boldSelf\b/.test(text) };
    } catch (error) {
      return { fault: firstLine(error), broken: true };
    }
  };
  const rule = make();
  compiled.set(text, rule);
  return rule;
}

/** Names that no expression can write are spelled otherwise. */
const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);
function escapeName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/** JSON as the language sees it: whole numbers of integer fields are `int`. */
function toCel(value: unknown, schema: JsonSchema | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema?.items));
  if (isJsonObject(value)) {
    const named = schema?.properties ?? {};
    return Object.fromEntries(
      Object.entries(value).map(([field, item]) => [
        Object.hasOwn(named, field) ? escapeName(field) : field,
        toCel(item, schema && propertyOf(schema, field)),
      ]),
    );
  }
  if (typeof value === "number") return Number.isInteger(value) && schema?.type !== "number" ? BigInt(value) : value;
  if (typeof value === "string" && (schema?.format === "date-time" || schema?.format === "date"))
    return new Date(value);
  return value;
}

function messageOf(
  { rule, message, messageExpression }: ValidationRule,
  context: { self: unknown; oldSelf?: unknown },
) {
  const expression = messageExpression === undefined ? undefined : compileRule(messageExpression);
  if (expression && "test" in expression) {
    try {
      const text = expression.test(context);
      if (typeof text === "string" && text.trim()) return text;
    } catch {
      // The plain message stands in.
    }
  }
  return message ?? `failed rule: ${rule.trim()}`;
}

function ruleFault(
  field: string,
  reason: ValidationRule["reason"],
  { text, value }: { text: string; value: unknown },
): FieldError {
  switch (reason) {
    case "FieldValueForbidden":
      return forbidden(field, text);
    case "FieldValueRequired":
      return required(field, text);
    case "FieldValueDuplicate":
      return duplicate(field, value);
    default:
      return { reason: "FieldValueInvalid", field, detail: `Invalid value: ${text}` };
  }
}

function testRule(one: ValidationRule, schema: JsonSchema, values: { value: unknown; old: unknown }, path: string) {
  const rule = compileRule(one.rule);
  const { value, old } = values;
  if (!("test" in rule) || (rule.ofChange && old === undefined && !one.optionalOldSelf)) return [];
  const context = { self: toCel(value, schema), ...(old === undefined ? {} : { oldSelf: toCel(old, schema) }) };
  const field = one.fieldPath ? `${path}${one.fieldPath}`.replace(/^\./, "") : path || "<nil>";
  const fault = (text: string): FieldError[] => [ruleFault(field, one.reason, { text, value })];
  try {
    return rule.test(context) === true ? [] : fault(messageOf(one, context));
  } catch (error) {
    return fault(`rule could not be evaluated: ${firstLine(error)}: ${one.rule.trim()}`);
  }
}

/** The item of a list by map keys that has the same keys; other lists' items have no past. */
function oldItem(item: unknown, old: unknown, schema: JsonSchema): unknown {
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(old) || !isJsonObject(item)) return undefined;
  return old.find((one) => isJsonObject(one) && keys.every((key) => one[key] === item[key]));
}

const known = new WeakMap<JsonSchema, boolean>();

/** Is there a rule in the schema, or below it? */
export function hasRules(schema: JsonSchema): boolean {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const below = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties];
  const result =
    (schema["x-kubernetes-validations"] ?? []).length > 0 ||
    below.some((one) => typeof one === "object" && hasRules(one));
  known.set(schema, result);
  return result;
}

/** Tests the rules of a value that its schema has found valid; `old`: the value before, of an update. */
export function testRules(value: unknown, old: unknown, schema: JsonSchema, path = ""): FieldError[] {
  if (value === null || !hasRules(schema)) return [];
  const faults = (schema["x-kubernetes-validations"] ?? []).flatMap((one) =>
    testRule(one, schema, { value, old }, path),
  );
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return faults;
    return [
      ...faults,
      ...value.flatMap((item, index) => testRules(item, oldItem(item, old, schema), items, itemPath(path, index))),
    ];
  }
  if (!isJsonObject(value)) return faults;
  for (const [field, item] of Object.entries(value)) {
    const below = propertyOf(schema, field);
    const place = Object.hasOwn(schema.properties ?? {}, field) ? fieldPath(path, field) : mapPath(path, field);
    if (below) faults.push(...testRules(item, isJsonObject(old) ? old[field] : undefined, below, place));
  }
  return faults;
}
