import type { Kind } from "../kind.ts";
import type { DaemonSet } from "../object.ts";
import { daemonSets } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const daemonSetKind: Kind<DaemonSet> = {
  ...daemonSets,
  singular: "daemonset",
  shortNames: ["ds"],
  categories: ["all"],
  status: true,
  subresources: [],
  schema: "io.k8s.api.apps.v1.DaemonSet",
  columns: [nameColumn, ageColumn],
};
