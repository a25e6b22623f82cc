import type { Kind } from "../kind.ts";
import type { ReplicaSet } from "../object.ts";
import { replicaSets } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const replicaSetKind: Kind<ReplicaSet> = {
  ...replicaSets,
  singular: "replicaset",
  shortNames: ["rs"],
  categories: ["all"],
  status: true,
  subresources: ["scale"],
  schema: "io.k8s.api.apps.v1.ReplicaSet",
  columns: [nameColumn, ageColumn],
};
