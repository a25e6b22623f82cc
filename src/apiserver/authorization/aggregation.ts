/** ClusterRoles that take up the rules of others by label. Source: Kubernetes "Using RBAC Authorization", aggregated ClusterRoles. */

import { isDeepStrictEqual } from "node:util";
import { cloneJson } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { clusterRoleKind } from "../../api/kinds/cluster-role.ts";
import type { ClusterRole } from "../../api/object.ts";
import { clusterRoles } from "../../api/resource.ts";
import { labelSelectorOf, matches } from "../../api/selectors.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createStoreCache } from "../store-cache.ts";
import { updateObject } from "../update-object.ts";
import type { Rule } from "./rule.ts";

/** The rules of all that the role's selectors name, by name, each rule once; undefined: the role has rules of its own. */
export function aggregatedRules(role: ClusterRole, roles: Iterable<ClusterRole>): Rule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors?.map(labelSelectorOf);
  if (!selectors) return undefined;
  const sources = [...roles]
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => selectors.some((selector) => matches(selector, metadata.labels ?? {})))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules = new Map(sources.flatMap(({ rules = [] }) => rules).map((rule) => [JSON.stringify(rule), rule]));
  return [...rules.values()];
}

async function writeRules(server: ServerContext, name: string, rules: Rule[]): Promise<void> {
  await updateObject(server, {
    kind: clusterRoleKind as unknown as Kind,
    namespace: undefined,
    name,
    part: "object",
    writer: { dryRun: false, fieldManager: "clusterrole-aggregation-controller" },
    change: ({ metadata: { resourceVersion: _any, ...metadata }, ...live }) => ({
      object: { ...live, metadata, rules: cloneJson(rules) } as StoredObject,
    }),
  });
}

/** Writes the rules of aggregated roles whenever the roles that they name change; ends with the server. */
export async function startAggregation(server: ServerContext): Promise<void> {
  let waiting = false;
  const roles = await createStoreCache<ClusterRole, ClusterRole>(server.store, clusterRoles, {
    keep: (role) => role,
    onChange: () => schedule(),
    signal: server.closing,
  });

  function schedule(): void {
    if (waiting) return;
    waiting = true;
    setImmediate(() => {
      waiting = false;
      if (!server.closing.aborted) void aggregate();
    });
  }

  async function aggregate(): Promise<void> {
    for (const role of [...roles.values()]) {
      const rules = aggregatedRules(role, roles.values());
      if (!rules || isDeepStrictEqual(rules, role.rules ?? [])) continue;
      const { name } = role.metadata;
      await writeRules(server, name, rules).catch((error) => {
        // A role that is gone needs no rules, and a store that is closing takes none.
        if (roles.has(name) && !server.closing.aborted) server.log.warn("role not aggregated", { role: name, error });
      });
    }
  }
}
