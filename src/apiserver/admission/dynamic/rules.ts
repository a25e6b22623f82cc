/** Which requests a rule is about (pure). Source: Kubernetes "Dynamic Admission Control", matching requests. */
import type { Kind } from "../../../api/kind.ts";
import type { AdmissionRule } from "../../../api/object.ts";
import type { Operation } from "./attributes.ts";

/** A sort of requests: all that rules look at. */
export interface Sort {
  readonly operation: Operation;
  readonly kind: Kind;
  readonly subresource: string;
}

const names = (items: readonly string[] = [], value: string): boolean => items.includes("*") || items.includes(value);

function namesResource({ resources = [] }: AdmissionRule, plural: string, subresource: string): boolean {
  return resources.some((text) => {
    const [resource = "", ...rest] = text.split("/");
    const part = rest.join("/");
    return (resource === "*" || resource === plural) && (part === "*" || part === subresource);
  });
}

function inScope({ scope = "*" }: AdmissionRule, { namespaced }: Kind): boolean {
  return scope === "*" || (scope === "Namespaced") === namespaced;
}

export function matchesRule(rule: AdmissionRule, { operation, kind, subresource }: Sort): boolean {
  return (
    inScope(rule, kind) &&
    names(rule.operations, operation) &&
    names(rule.apiGroups, kind.group) &&
    names(rule.apiVersions, kind.version) &&
    namesResource(rule, kind.plural, subresource)
  );
}

/** The group in which a kind is stored, which equivalent kinds share. */
const storedIn = ({ stored, group, plural }: Kind): string => `${stored?.group ?? group}/${plural}`;

/** Kinds that are other forms of the same objects. */
export function equivalentsOf(kind: Kind, kinds: readonly Kind[]): Kind[] {
  return kinds.filter((other) => other !== kind && storedIn(other) === storedIn(kind));
}

export interface Match {
  /** The kind that the rule asks for: the request's own or an equivalent one. */
  readonly as: Kind;
  readonly rule: AdmissionRule;
}

/** All matches, rules that are about the request's own kind first, `Equivalent` ones after them. */
export function matchesOf(
  rules: readonly AdmissionRule[],
  sort: Sort,
  { policy, equivalents }: { policy: string | undefined; equivalents: readonly Kind[] },
): Match[] {
  const own = rules.filter((rule) => matchesRule(rule, sort)).map((rule) => ({ as: sort.kind, rule }));
  if (policy === "Exact") return own;
  const others = rules.flatMap((rule) =>
    equivalents.flatMap((as) => (matchesRule(rule, { ...sort, kind: as }) ? [{ as, rule }] : [])),
  );
  return [...own, ...others];
}
