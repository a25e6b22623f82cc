import type { Kind } from "../kind.ts";
import type { ConfigMap } from "../object.ts";
import { configMaps } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const configMapKind: Kind<ConfigMap> = {
  ...configMaps,
  singular: "configmap",
  shortNames: ["cm"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.ConfigMap",
  columns: [nameColumn, ageColumn],
};
