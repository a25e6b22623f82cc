import type { Kind } from "../kind.ts";
import type { Namespace } from "../object.ts";
import { namespaces } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const namespaceKind: Kind<Namespace> = {
  ...namespaces,
  singular: "namespace",
  shortNames: ["ns"],
  categories: [],
  status: true,
  subresources: ["finalize"],
  schema: "io.k8s.api.core.v1.Namespace",
  columns: [nameColumn, ageColumn],
};
