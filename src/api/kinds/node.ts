import type { Kind } from "../kind.ts";
import type { Node } from "../object.ts";
import { nodes } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const nodeKind: Kind<Node> = {
  ...nodes,
  singular: "node",
  shortNames: ["no"],
  categories: [],
  status: true,
  subresources: ["proxy"],
  schema: "io.k8s.api.core.v1.Node",
  columns: [nameColumn, ageColumn],
};
