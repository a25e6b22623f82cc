/**
 * Roles as text, one line for a role and one, indented, for each of its rules: "verbs | groups | resources [| names]",
 * lists by spaces, the core group as "core"; a rule for URLs is "get | /healthz /version".
 * "name -> edit" counts among the rules of the role "edit".
 */
import type { PolicyRule } from "kubernetes-types/rbac/v1";

export interface RoleRow {
  readonly name: string;
  /** The role whose rules these belong to as well. */
  readonly aggregatedTo: string | undefined;
  readonly rules: readonly PolicyRule[];
}

const words = (text = ""): string[] => text.split(" ").filter(Boolean);

function ruleOf(line: string): PolicyRule {
  const [verbs = "", groups = "", resources, names] = line.split("|").map((part) => part.trim());
  if (resources === undefined) return { verbs: words(verbs), nonResourceURLs: words(groups) };
  return {
    apiGroups: words(groups).map((group) => (group === "core" ? "" : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
    verbs: words(verbs),
  };
}

export function parseRoles(table: string): RoleRow[] {
  const rows: (RoleRow & { readonly rules: PolicyRule[] })[] = [];
  for (const line of table.split("\n").filter(Boolean)) {
    if (line.startsWith(" ")) {
      rows.at(-1)?.rules.push(ruleOf(line));
      continue;
    }
    const [name = "", aggregatedTo] = line.split(" -> ");
    rows.push({ name, aggregatedTo, rules: [] });
  }
  return rows;
}
