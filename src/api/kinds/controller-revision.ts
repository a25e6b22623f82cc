import { required } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { ControllerRevision } from "../object.ts";
import { controllerRevisions } from "../resource.ts";
import { immutable, validateNonNegative } from "./_check.ts";
import { ageColumn, nameColumn, none, text } from "./_column.ts";

/** "statefulset.apps/web": the kind, its group and the name of the controlling owner. */
function controllerCell({ metadata }: ControllerRevision): string {
  const owner = (metadata.ownerReferences ?? []).find(({ controller }) => controller);
  if (!owner) return none;
  const [group = ""] = owner.apiVersion.includes("/") ? owner.apiVersion.split("/") : [];
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ""}/${owner.name}`;
}

export const controllerRevisionKind: Kind<ControllerRevision> = {
  ...controllerRevisions,
  singular: "controllerrevision",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.apps.v1.ControllerRevision",
  validate: ({ data, revision }) => [
    ...(data === undefined || data === null ? [required("data", "data is mandatory")] : []),
    ...validateNonNegative("revision", revision),
  ],
  validateUpdate: ({ data }, old) => immutable("data", data, old.data),
  columns: [
    nameColumn,
    text("Controller", "The workload whose state it keeps.", controllerCell),
    text("Revision", "Number of the state, the newest is the largest.", ({ revision }) => revision ?? 0),
    ageColumn,
  ],
};
