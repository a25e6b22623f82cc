/** The rules of webhooks and policies: which requests they are about. Source: admissionregistration.k8s.io/v1, Rule and MatchCondition. */
import type { MatchCondition, MatchResources } from "kubernetes-types/admissionregistration/v1";
import { duplicate, invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkPathSegment, checkQualifiedName } from "../names.ts";
import type { AdmissionRule } from "../object.ts";
import { checked, validateLabelSelector } from "./_check.ts";

export const failurePolicies = ["Fail", "Ignore"];
export const matchPolicies = ["Equivalent", "Exact"];
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];
const maxConditions = 64;

/** A value that is there is one of `allowed`. */
export function oneOfIfSet(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, allowed)];
}

function aloneIfAll(field: string, values: readonly string[], what: string): FieldError[] {
  const mixed = values.length > 1 && values.includes("*");
  return mixed ? [invalid(field, values, `if '*' is present, must not specify other ${what}`)] : [];
}

const noneEmpty = (field: string, values: readonly string[]): FieldError[] =>
  values.flatMap((value, index) => (value === "" ? [required(`${field}[${index}]`)] : []));

function validateResources(field: string, resources: readonly string[]): FieldError[] {
  const faults = resources.length === 0 ? [required(field)] : [];
  const wholeOf = new Set<string>();
  const partOfAll = new Set<string>();
  for (const [index, text] of resources.entries()) {
    const place = `${field}[${index}]`;
    if (text === "") faults.push(required(place));
    const slash = text.indexOf("/");
    if (slash < 0) continue;
    const [name, part] = [text.slice(0, slash), text.slice(slash + 1)];
    if (wholeOf.has(name)) faults.push(invalid(place, text, `if '${name}/*' is present, must not specify ${text}`));
    if (partOfAll.has(part)) faults.push(invalid(place, text, `if '*/${part}' is present, must not specify ${text}`));
    if (part === "*") wholeOf.add(name);
    if (name === "*") partOfAll.add(part);
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    faults.push(invalid(field, resources, "if '*/*' is present, must not specify other resources"));
  }
  // As in Kubernetes the last one without a subresource decides.
  const last = resources.findLast((text) => text !== "" && !text.includes("/"));
  if (resources.includes("*") && last !== undefined && last !== "*") {
    const detail = "if '*' is present, must not specify other resources without subresources";
    faults.push(invalid(field, resources, detail));
  }
  return faults;
}

export function validateRule(path: string, rule: AdmissionRule): FieldError[] {
  const { operations: wanted = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const all: [field: string, values: readonly string[], what: string][] = [
    ["operations", wanted, "operations"],
    ["apiGroups", apiGroups, "API groups"],
    ["apiVersions", apiVersions, "API versions"],
  ];
  const faults = all.flatMap(([field, values, what]) => {
    const place = `${path}.${field}`;
    const unknown =
      field === "operations" ? values.flatMap((one, at) => oneOfIfSet(`${place}[${at}]`, one, operations)) : [];
    return [...(values.length === 0 ? [required(place)] : []), ...aloneIfAll(place, values, what), ...unknown];
  });
  return [
    ...faults,
    ...noneEmpty(`${path}.apiVersions`, apiVersions),
    ...validateResources(`${path}.resources`, resources),
    ...oneOfIfSet(`${path}.scope`, scope, scopes),
  ];
}

function validateNames(field: string, names: readonly string[]): FieldError[] {
  return names.flatMap((name, index) => {
    const place = `${field}[${index}]`;
    const twice = names.indexOf(name) < index ? [duplicate(place, name)] : [];
    return [...checked(place, name, checkPathSegment(name)), ...twice];
  });
}

export function validateMatchResources(path: string, match: MatchResources): FieldError[] {
  const { matchPolicy, namespaceSelector, objectSelector } = match;
  const rulesOf = (field: "resourceRules" | "excludeResourceRules"): FieldError[] =>
    ((match[field] ?? []) as readonly AdmissionRule[]).flatMap((rule, index) => {
      const place = `${path}.${field}[${index}]`;
      return [...validateNames(`${place}.resourceNames`, rule.resourceNames ?? []), ...validateRule(place, rule)];
    });
  return [
    ...(matchPolicy
      ? oneOfIfSet(`${path}.matchPolicy`, matchPolicy, matchPolicies)
      : [required(`${path}.matchPolicy`)]),
    ...(namespaceSelector ? validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector) : []),
    ...(objectSelector ? validateLabelSelector(`${path}.objectSelector`, objectSelector) : []),
    ...rulesOf("resourceRules"),
    ...rulesOf("excludeResourceRules"),
  ];
}

/** In place. */
export function defaultRules(rules: readonly AdmissionRule[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}

/** In place. */
export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

/** All but whether the expressions can be compiled: the language is loaded only when there are some. */
export function validateMatchConditions(path: string, conditions: readonly MatchCondition[]): FieldError[] {
  const names = conditions.map(({ name = "" }) => name);
  const faults = conditions.length > maxConditions ? [tooMany(path, conditions.length, maxConditions)] : [];
  return [
    ...faults,
    ...conditions.flatMap(({ name = "", expression = "" }, index) => {
      const place = `${path}[${index}]`;
      return [
        ...(expression.trim() ? [] : [required(`${place}.expression`)]),
        ...(name ? checked(`${place}.name`, name, checkQualifiedName(name)) : [required(`${place}.name`)]),
        ...(name && names.indexOf(name) < index ? [duplicate(`${place}.name`, name)] : []),
      ];
    }),
  ];
}
