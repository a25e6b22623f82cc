import type { Kind } from "../kind.ts";
import type { Service } from "../object.ts";
import { services } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const serviceKind: Kind<Service> = {
  ...services,
  singular: "service",
  shortNames: ["svc"],
  categories: ["all"],
  status: true,
  subresources: ["proxy"],
  schema: "io.k8s.api.core.v1.Service",
  columns: [nameColumn, ageColumn],
};
