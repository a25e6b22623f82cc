/** Rules and cells that roles and bindings share, of a namespace or of the cluster. Source: Kubernetes "Using RBAC Authorization". */
import { isDeepStrictEqual } from "node:util";
import type { PolicyRule, RoleRef, Subject } from "kubernetes-types/rbac/v1";
import { invalid, notSupported, required } from "../field-error.ts";
import type { Column, FieldError } from "../kind.ts";
import { checkDnsSubdomain, checkPathSegment } from "../names.ts";
import { checked } from "./_check.ts";
import { ageColumn, nameColumn, text, wide } from "./_column.ts";

const group = "rbac.authorization.k8s.io";

/** `namespaced`: rules of a namespace know no URLs. */
export function validateRules(rules: readonly PolicyRule[] = [], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(`rules[${index}]`, rule, namespaced));
}

function validateRule(path: string, rule: PolicyRule, namespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  const faults = verbs.length > 0 ? [] : [required(`${path}.verbs`, "verbs must contain at least one value")];
  if (urls.length > 0) {
    const field = `${path}.nonResourceURLs`;
    if (namespaced) faults.push(invalid(field, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      faults.push(invalid(field, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    }
    return faults;
  }
  if (apiGroups.length === 0) {
    faults.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  }
  if (resources.length === 0) {
    faults.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
  }
  return faults;
}

export interface Bound {
  roleRef: RoleRef;
  subjects?: Subject[];
}

/** Fills the groups of the role and of users and groups, in place. */
export function setBindingDefaults(binding: Bound): void {
  binding.roleRef ??= { apiGroup: "", kind: "", name: "" };
  binding.roleRef.apiGroup ||= group;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= group;
  }
}

/** `roleKinds`: what may be bound. */
export function validateBinding({ roleRef, subjects = [] }: Bound, roleKinds: readonly string[]): FieldError[] {
  const { apiGroup, kind, name } = roleRef;
  const faults: FieldError[] = [];
  if (apiGroup !== group) faults.push(notSupported("roleRef.apiGroup", apiGroup, [group]));
  if (!roleKinds.includes(kind)) faults.push(notSupported("roleRef.kind", kind, roleKinds));
  if (!name) faults.push(required("roleRef.name"));
  else faults.push(...checked("roleRef.name", name, checkPathSegment(name)));
  const namespaced = roleKinds.includes("Role");
  return [
    ...faults,
    ...subjects.flatMap((subject, index) => validateSubject(`subjects[${index}]`, subject, namespaced)),
  ];
}

function validateSubject(path: string, subject: Subject, namespaced: boolean): FieldError[] {
  const { kind, name, namespace, apiGroup = "" } = subject;
  const faults = name ? [] : [required(`${path}.name`)];
  switch (kind) {
    case "ServiceAccount":
      if (name) faults.push(...checked(`${path}.name`, name, checkDnsSubdomain(name)));
      if (apiGroup) faults.push(notSupported(`${path}.apiGroup`, apiGroup, [""]));
      if (!namespaced && !namespace) faults.push(required(`${path}.namespace`));
      return faults;
    case "User":
    case "Group":
      if (!name) faults.push(invalid(`${path}.name`, name ?? "", `${kind.toLowerCase()} name cannot be empty`));
      if (apiGroup !== group) faults.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
      return faults;
    default:
      return [...faults, notSupported(`${path}.kind`, kind ?? "", ["ServiceAccount", "User", "Group"])];
  }
}

export function validateBindingUpdate({ roleRef }: Bound, { roleRef: old }: Bound): FieldError[] {
  return isDeepStrictEqual(roleRef, old) ? [] : [invalid("roleRef", roleRef, "cannot change roleRef")];
}

function subjectsOf({ subjects = [] }: Bound, kind: string): string {
  const found = subjects.filter((subject) => subject.kind === kind);
  return found
    .map(({ namespace, name }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
    .join(", ");
}

export const bindingColumns: readonly Column<Bound & Parameters<typeof ageColumn.cell>[0]>[] = [
  nameColumn,
  text("Role", "The role that is granted.", ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide(text("Users", "Users who have the role.", (binding) => subjectsOf(binding, "User"))),
  wide(text("Groups", "Groups that have the role.", (binding) => subjectsOf(binding, "Group"))),
  wide(
    text("ServiceAccounts", "ServiceAccounts that have the role.", (binding) => subjectsOf(binding, "ServiceAccount")),
  ),
];
