import type { Kind } from "../kind.ts";
import type { ServiceAccount } from "../object.ts";
import { serviceAccounts } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const serviceAccountKind: Kind<ServiceAccount> = {
  ...serviceAccounts,
  singular: "serviceaccount",
  shortNames: ["sa"],
  categories: [],
  status: false,
  subresources: ["token"],
  schema: "io.k8s.api.core.v1.ServiceAccount",
  raisesGeneration: () => false,
  columns: [nameColumn, ageColumn],
};
