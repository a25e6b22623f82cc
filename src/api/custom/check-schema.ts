/** Is a schema structural, as a CustomResourceDefinition must have it? Source: Kubernetes "Specifying a structural schema". */
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import { cloneJson, isJsonObject } from "../json.ts";
import type { FieldError } from "../kind.ts";
import { fieldPath, type JsonSchema } from "./json-schema.ts";
import { applyDefaults, prune } from "./prune.ts";
import { compileRule } from "./rules.ts";
import { compilePattern, validate } from "./validate-value.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];
const forbiddenFields = [
  "$ref",
  "definitions",
  "dependencies",
  "patternProperties",
  "additionalItems",
  "id",
  "$schema",
];
const maxDepth = 64;

type Report = (fault: FieldError) => void;

function checkType(schema: JsonSchema, path: string, report: Report): void {
  const { type, "x-kubernetes-int-or-string": either, "x-kubernetes-preserve-unknown-fields": open } = schema;
  if (either) {
    if (type) report(forbidden(fieldPath(path, "type"), "must be empty if x-kubernetes-int-or-string is true"));
  } else if (!type) {
    if (!open) report(required(fieldPath(path, "type"), "must not be empty for specified object fields"));
  } else if (!types.includes(type)) report(notSupported(fieldPath(path, "type"), type, types));
}

function checkLists(schema: JsonSchema, path: string, report: Report): void {
  const { type, items, "x-kubernetes-list-type": list, "x-kubernetes-list-map-keys": keys } = schema;
  if (type === "array" && !items) report(required(fieldPath(path, "items"), "must be specified"));
  if (schema.uniqueItems) {
    report(
      forbidden(
        fieldPath(path, "uniqueItems"),
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
      ),
    );
  }
  if (list && type !== "array") {
    report(invalid(fieldPath(path, "type"), type ?? "", "must be array if x-kubernetes-list-type is specified"));
  }
  if (list !== "map") return;
  if (!keys?.length) {
    report(
      required(fieldPath(path, "x-kubernetes-list-map-keys"), "must not be empty if x-kubernetes-list-type is map"),
    );
  }
  for (const [index, key] of (keys ?? []).entries()) {
    const property = items?.properties?.[key];
    const place = `${fieldPath(path, "x-kubernetes-list-map-keys")}[${index}]`;
    if (!property) report(invalid(place, key, "entries must all be names of item properties"));
    else if (property.default === undefined && !items?.required?.includes(key)) {
      report(
        required(
          `${fieldPath(path, "items.properties")}[${key}].default`,
          "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ),
      );
    }
  }
}

function checkTexts(schema: JsonSchema, path: string, report: Report): void {
  const { pattern, "x-kubernetes-validations": rules = [] } = schema;
  if (pattern !== undefined && !compilePattern(pattern)) {
    report(invalid(fieldPath(path, "pattern"), pattern, "must be a valid regular expression"));
  }
  for (const [index, { rule }] of rules.entries()) {
    const found = compileRule(rule);
    if ("fault" in found && found.broken) {
      const place = `${fieldPath(path, "x-kubernetes-validations")}[${index}].rule`;
      report(invalid(place, rule, `compilation failed: ${found.fault}`));
    }
  }
}

function checkDefault(schema: JsonSchema, path: string, report: Report): void {
  const place = fieldPath(path, "default");
  if (schema.default === undefined) return;
  const wrapped = { value: cloneJson(schema.default) };
  const holder: JsonSchema = { type: "object", properties: { value: schema } };
  applyDefaults(wrapped, holder);
  const { unknown } = prune(wrapped, holder);
  if (unknown.length > 0) report(invalid(place, schema.default, "must not have unknown fields"));
  for (const { detail, reason } of validate(wrapped.value, schema, place)) report({ reason, field: place, detail });
}

function checkBelow(schema: JsonSchema, path: string, report: Report, depth: number): void {
  const { properties, additionalProperties, items } = schema;
  if (properties && additionalProperties) {
    report(forbidden(fieldPath(path, "additionalProperties"), "must not be used together with properties"));
  }
  for (const [name, below] of Object.entries(properties ?? {})) {
    checkNode(below, `${fieldPath(path, "properties")}[${name}]`, report, depth + 1);
  }
  if (isJsonObject(additionalProperties)) {
    checkNode(additionalProperties as JsonSchema, fieldPath(path, "additionalProperties"), report, depth + 1);
  }
  if (Array.isArray(items))
    report(forbidden(fieldPath(path, "items"), "items must be a schema object and not an array"));
  else if (items) checkNode(items, fieldPath(path, "items"), report, depth + 1);
}

function checkNode(schema: JsonSchema, path: string, report: Report, depth: number): void {
  if (depth > maxDepth) {
    report(forbidden(path, `must not be nested deeper than ${maxDepth} levels`));
    return;
  }
  for (const field of forbiddenFields) {
    if (Object.hasOwn(schema, field)) report(forbidden(fieldPath(path, field), `${field} is not supported`));
  }
  checkType(schema, path, report);
  checkLists(schema, path, report);
  checkTexts(schema, path, report);
  checkDefault(schema, path, report);
  checkBelow(schema, path, report, depth);
}

/** Faults of the schema of one version; `path` leads to `openAPIV3Schema`. */
export function checkSchema(schema: JsonSchema, path: string): FieldError[] {
  const faults: FieldError[] = [];
  const report: Report = (fault) => void faults.push(fault);
  if (schema.type && schema.type !== "object") {
    report(invalid(fieldPath(path, "type"), schema.type, "must be object at the root"));
  }
  if (schema.nullable) report(forbidden(fieldPath(path, "nullable"), "nullable cannot be true at the root"));
  if (schema.default !== undefined) report(forbidden(fieldPath(path, "default"), "must not be set at the root"));
  checkNode(schema, path, report, 0);
  return faults;
}

/** Rules that are kept but cannot be tested here: one sentence each, for the `Warning` header. */
export function untestedRules(schema: JsonSchema, path: string): string[] {
  const own = (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule }, index) => {
    const found = compileRule(rule);
    const place = `${fieldPath(path, "x-kubernetes-validations")}[${index}].rule`;
    return "fault" in found ? [`${place}: this rule is not checked here: ${found.fault}`] : [];
  });
  const { properties = {}, additionalProperties, items } = schema;
  const below = Object.entries(properties).flatMap(([name, one]) =>
    untestedRules(one, `${fieldPath(path, "properties")}[${name}]`),
  );
  const others = typeof additionalProperties === "object" ? untestedRules(additionalProperties, path) : [];
  return [...own, ...below, ...others, ...(items ? untestedRules(items, fieldPath(path, "items")) : [])];
}
