import type { Kind } from "../kind.ts";
import type { Pod } from "../object.ts";
import { pods } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const podKind: Kind<Pod> = {
  ...pods,
  singular: "pod",
  shortNames: ["po"],
  categories: ["all"],
  status: true,
  subresources: [
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
    "binding",
    "eviction",
    "ephemeralcontainers",
    "resize",
  ],
  schema: "io.k8s.api.core.v1.Pod",
  columns: [nameColumn, ageColumn],
};
