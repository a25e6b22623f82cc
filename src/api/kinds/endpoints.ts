import type { Kind } from "../kind.ts";
import type { Endpoints } from "../object.ts";
import { endpoints } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const endpointsKind: Kind<Endpoints> = {
  ...endpoints,
  singular: "endpoints",
  shortNames: ["ep"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Endpoints",
  columns: [nameColumn, ageColumn],
};
