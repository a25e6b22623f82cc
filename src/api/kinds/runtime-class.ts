import type { FieldError, Kind } from "../kind.ts";
import { validateLabels } from "../metadata.ts";
import { checkDnsLabel } from "../names.ts";
import type { RuntimeClass } from "../object.ts";
import { runtimeClasses } from "../resource.ts";
import { validateTolerations } from "./_affinity-validate.ts";
import { checked, immutable } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { validateQuantities } from "./_quantity.ts";

function validate({ handler = "", overhead, scheduling }: RuntimeClass): FieldError[] {
  return [
    ...checked("handler", handler, checkDnsLabel(handler)),
    ...validateQuantities("overhead.podFixed", overhead?.podFixed),
    ...validateLabels(scheduling?.nodeSelector, "scheduling.nodeSelector"),
    ...validateTolerations("scheduling.tolerations", scheduling?.tolerations ?? []),
  ];
}

export const runtimeClassKind: Kind<RuntimeClass> = {
  ...runtimeClasses,
  singular: "runtimeclass",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.node.v1.RuntimeClass",
  needsRevision: true,
  validate,
  validateUpdate: ({ handler }, old) => immutable("handler", handler, old.handler),
  columns: [
    nameColumn,
    text("Handler", "How the container runtime calls it.", ({ handler }) => handler ?? ""),
    ageColumn,
  ],
};
