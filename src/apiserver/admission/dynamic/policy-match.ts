/** Is a policy, or its binding, about one very request. */
import type { Constraints } from "./hooks.ts";
import { type Match, matchesRule } from "./rules.ts";
import type { Visit } from "./visit.ts";

const namesObject = ({ rule: { resourceNames = [] } }: Match, name: string): boolean =>
  resourceNames.length === 0 || resourceNames.includes(name);

/** The first of the rules that is about this very request; undefined: none. Throws ApiFault. */
export async function matchOf(
  constraints: Constraints,
  matches: readonly Match[],
  visit: Visit,
): Promise<Match | undefined> {
  const { operation, kind, subresource, name } = visit.attributes;
  if (!visit.ofObjects(constraints.objects) || !(await visit.inNamespaces(constraints.namespaces))) return undefined;
  const left = constraints.excluded.some(
    (rule) => matchesRule(rule, { operation, kind, subresource }) && namesObject({ rule, as: kind }, name),
  );
  return left ? undefined : matches.find((match) => namesObject(match, name));
}
