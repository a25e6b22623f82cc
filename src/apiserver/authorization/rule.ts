/** What one rule of a role allows, and whether rules hold others (pure). Source: Kubernetes "Using RBAC Authorization". */
import type { PolicyRule } from "kubernetes-types/rbac/v1";
import type { Attributes, PathAttributes, ResourceAttributes } from "./attributes.ts";

export type Rule = PolicyRule;

const all = "*";
const has = (list: readonly string[] | undefined, value: string): boolean =>
  list?.some((item) => item === all || item === value) ?? false;

/** "pods", "pods/log", "*" (everything) or "*\/scale" (that subresource of everything). */
function matchesResource(
  resources: readonly string[] = [],
  { resource, subresource }: Pick<ResourceAttributes, "resource" | "subresource">,
): boolean {
  const asked = subresource ? `${resource}/${subresource}` : resource;
  return resources.some(
    (listed) => listed === all || listed === asked || (subresource !== undefined && listed === `*/${subresource}`),
  );
}

/** A URL of a rule: the whole path, or its beginning before a final "*". */
function matchesUrl(urls: readonly string[] = [], path: string): boolean {
  return urls.some((url) => url === all || url === path || (url.endsWith(all) && path.startsWith(url.slice(0, -1))));
}

function allowsPath(rule: Rule, { verb, path }: PathAttributes): boolean {
  return has(rule.verbs, verb) && matchesUrl(rule.nonResourceURLs, path);
}

/** A rule with resourceNames never allows what has no name yet: create, and lists of a whole collection. */
function allowsResource(rule: Rule, attributes: ResourceAttributes): boolean {
  const { resourceNames = [] } = rule;
  return (
    has(rule.verbs, attributes.verb) &&
    has(rule.apiGroups, attributes.group) &&
    matchesResource(rule.resources, attributes) &&
    (resourceNames.length === 0 || (attributes.name !== undefined && resourceNames.includes(attributes.name)))
  );
}

export function allows(rule: Rule, attributes: Attributes): boolean {
  return "path" in attributes ? allowsPath(rule, attributes) : allowsResource(rule, attributes);
}

const each = (list: readonly string[] | undefined): readonly (string | undefined)[] =>
  list && list.length > 0 ? list : [undefined];

/** The rule as rules of one verb, group and resource (or URL) each; those that allow nothing are left out. */
function split(rule: Rule): Rule[] {
  const { verbs = [], apiGroups = [], resources = [], nonResourceURLs: urls = [] } = rule;
  return verbs.flatMap((verb) => [
    ...urls.map((url): Rule => ({ verbs: [verb], nonResourceURLs: [url] })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        each(rule.resourceNames).map((name): Rule => {
          const names = name === undefined ? {} : { resourceNames: [name] };
          return { verbs: [verb], apiGroups: [group], resources: [resource], ...names };
        }),
      ),
    ),
  ]);
}

const holds = (owned: readonly string[] | undefined, [wanted = ""]: readonly string[] = []): boolean =>
  has(owned, wanted);

function holdsResource(owned: readonly string[] | undefined, [wanted = ""]: readonly string[] = []): boolean {
  const [resource = "", subresource] = wanted.split("/");
  return matchesResource(owned, { resource, subresource });
}

function holdsUrl(owned: readonly string[] | undefined, [wanted = ""]: readonly string[] = []): boolean {
  return matchesUrl(owned, wanted);
}

/** `single` comes from split(). */
function covers(owner: Rule, single: Rule): boolean {
  if (!holds(owner.verbs, single.verbs)) return false;
  if (single.nonResourceURLs) return holdsUrl(owner.nonResourceURLs, single.nonResourceURLs);
  const { resourceNames = [] } = owner;
  const [name] = single.resourceNames ?? [];
  return (
    holds(owner.apiGroups, single.apiGroups) &&
    holdsResource(owner.resources, single.resources) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}

/** What `wanted` allows and `owned` does not, in rules of one verb and one resource each. */
export function uncovered(owned: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  return wanted.flatMap(split).filter((single) => !owned.some((owner) => covers(owner, single)));
}

const goList = (list: readonly string[]): string => `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;

/** As Kubernetes writes a rule in a sentence: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function formatRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: Rule): string {
  const fields = [
    ["APIGroups", apiGroups],
    ["Resources", resources],
    ["ResourceNames", resourceNames],
    ["NonResourceURLs", nonResourceURLs],
    ["Verbs", verbs],
  ] as const;
  const shown = fields.flatMap(([name, list]) => (list && list.length > 0 ? [`${name}:${goList(list)}`] : []));
  return `{${shown.join(", ")}}`;
}

/** Rules that differ in their verbs only, as one. */
export function compactRules(rules: readonly Rule[]): Rule[] {
  const compact = new Map<string, Rule & { verbs: string[] }>();
  for (const { verbs, ...rest } of rules) {
    const key = JSON.stringify(rest);
    const known = compact.get(key);
    if (known) known.verbs.push(...verbs.filter((verb) => !known.verbs.includes(verb)));
    else compact.set(key, { ...rest, verbs: [...verbs] });
  }
  return [...compact.values()];
}
