import type { Kind } from "../kind.ts";
import type { Deployment } from "../object.ts";
import { deployments } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const deploymentKind: Kind<Deployment> = {
  ...deployments,
  singular: "deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  status: true,
  subresources: ["scale"],
  schema: "io.k8s.api.apps.v1.Deployment",
  columns: [nameColumn, ageColumn],
};
