import type { Kind } from "../kind.ts";
import type { Lease } from "../object.ts";
import { leases } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const leaseKind: Kind<Lease> = {
  ...leases,
  singular: "lease",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.coordination.v1.Lease",
  columns: [nameColumn, ageColumn],
};
