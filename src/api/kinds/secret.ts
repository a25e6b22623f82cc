import type { Kind } from "../kind.ts";
import type { Secret } from "../object.ts";
import { secrets } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const secretKind: Kind<Secret> = {
  ...secrets,
  singular: "secret",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Secret",
  columns: [nameColumn, ageColumn],
};
