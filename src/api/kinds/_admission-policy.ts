/** What policies that validate and policies that change objects have in common, and their bindings. Source: admissionregistration.k8s.io/v1. */
import type { MatchResources, ParamKind, ParamRef, Variable } from "kubernetes-types/admissionregistration/v1";
import { forbidden, invalid, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDns1035Label, checkDnsSubdomain, checkPathSegment } from "../names.ts";
import { formatLabelSelector, type LabelSelectorObject, labelSelectorOf } from "../selectors.ts";
import { validateMatchResources } from "./_admission-rule.ts";
import { checked, oneOf, validateLabelSelector } from "./_check.ts";
import { text } from "./_column.ts";

export function validateParamKind(path: string, { apiVersion = "", kind = "" }: ParamKind): FieldError[] {
  const faults: FieldError[] = [];
  const place = `${path}.apiVersion`;
  const parts = apiVersion.split("/");
  const version = parts.at(-1) ?? "";
  if (!apiVersion) faults.push(required(place));
  else if (parts.length > 2) faults.push(invalid(place, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const group = parts.length === 2 ? (parts[0] ?? "") : "";
    const badGroup = group ? checkDnsSubdomain(group) : [];
    if (badGroup.length > 0) faults.push(invalid(place, group, badGroup.join(",")));
    const badVersion = version ? checkDns1035Label(version) : [];
    if (!version) faults.push(invalid(place, apiVersion, "version must be specified"));
    else if (badVersion.length > 0) faults.push(invalid(place, version, badVersion.join(",")));
  }
  const badKind = checkDns1035Label(kind.toLowerCase());
  if (!kind) faults.push(required(`${path}.kind`));
  else if (badKind.length > 0) {
    faults.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${badKind.join(",")}`));
  }
  return faults;
}

export function validateVariable(path: string, { name = "", expression = "" }: Variable): FieldError[] {
  const faults: FieldError[] = [];
  if (!name.trim()) faults.push(required(`${path}.name`, "name is not specified"));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name)) {
    faults.push(invalid(`${path}.name`, name, "must be a valid CEL identifier"));
  }
  if (!expression.trim()) faults.push(required(`${path}.expression`, "expression is not specified"));
  return faults;
}

/** Something must say which kinds the expressions are about. */
export function validateConstraints(matchConstraints: MatchResources | undefined): FieldError[] {
  const path = "spec.matchConstraints";
  if (!matchConstraints) return [required(path)];
  const faults = validateMatchResources(path, matchConstraints);
  return matchConstraints.resourceRules?.length ? faults : [...faults, required(`${path}.resourceRules`)];
}

export function validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef): FieldError[] {
  const path = "spec.paramRef";
  const exclusive = "name and selector are mutually exclusive";
  return [
    ...(name ? checked(`${path}.name`, name, checkPathSegment(name)) : []),
    ...(name && selector ? [forbidden(`${path}.name`, exclusive)] : []),
    ...(selector ? validateLabelSelector(`${path}.selector`, selector) : []),
    ...(name && selector ? [forbidden(`${path}.selector`, exclusive)] : []),
    ...(name || selector ? [] : [required(path, "one of name or selector must be specified")]),
    ...oneOf(`${path}.parameterNotFoundAction`, action, ["Deny", "Allow"]),
  ];
}

export function validatePolicyName(policyName = ""): FieldError[] {
  if (!policyName) return [required("spec.policyName")];
  return checked("spec.policyName", policyName, checkDnsSubdomain(policyName));
}

interface Bound {
  readonly spec: { readonly policyName?: string; readonly paramRef?: ParamRef };
}

function refText({ spec: { paramRef } }: Bound): string {
  if (!paramRef) return "<unset>";
  const { name, namespace = "*", selector } = paramRef;
  if (name) return `${namespace}/${name}`;
  return formatLabelSelector(labelSelectorOf(selector as LabelSelectorObject)) || "*";
}

export const bindingColumns = [
  text("PolicyName", "The policy that it binds.", ({ spec }: Bound) => spec.policyName ?? ""),
  text("ParamRef", "Where its parameters are.", refText),
];

export const paramKindColumn = text(
  "ParamKind",
  "The kind of its parameters.",
  ({ spec: { paramKind } }: { readonly spec: { readonly paramKind?: ParamKind } }) =>
    paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : "<unset>",
);
