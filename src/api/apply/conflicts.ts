/** The answer to an apply that would change fields of others, in Kubernetes' words. */
import { type ApiFault, applyConflict } from "../status.ts";
import { type FieldSet, formatPaths } from "./field-set.ts";
import type { Owned } from "./managed-fields.ts";

export interface FieldConflict {
  readonly owner: Owned;
  readonly fields: FieldSet;
}

/** `"kubectl-client-side-apply" using v1`. */
function formatOwner({ manager, operation, apiVersion, subresource }: Owned): string {
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : "");
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}

/** `Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .spec.replicas`. */
export function conflictFault(conflicts: readonly FieldConflict[]): ApiFault {
  const found = conflicts.flatMap(({ owner, fields }) =>
    formatPaths(fields).map((path) => ({ owner: formatOwner(owner), path })),
  );
  const causes = found.map(({ owner, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${owner}`,
    field: path,
  }));
  const [first] = found;
  if (first && found.length === 1)
    return applyConflict(causes, `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.path}`);
  const owners = [...new Set(found.map(({ owner }) => owner))].sort();
  const lines = owners.flatMap((owner) => [
    `conflicts with ${owner}:`,
    ...found.filter((conflict) => conflict.owner === owner).map(({ path }) => `- ${path}`),
  ]);
  return applyConflict(causes, `Apply failed with ${found.length} conflicts: ${lines.join("\n")}`);
}
