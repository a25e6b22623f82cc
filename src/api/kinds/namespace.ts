import { invalid } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkQualifiedName } from "../names.ts";
import type { Namespace } from "../object.ts";
import { namespaces } from "../resource.ts";
import { checked } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";

/** Every namespace carries its name as a label, so that selectors can name it. */
const nameLabel = "kubernetes.io/metadata.name";

function validate({ spec }: Namespace): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((finalizer, index) =>
    checked(`spec.finalizers[${index}]`, finalizer, checkQualifiedName(finalizer)),
  );
}

function validateStatusUpdate({ metadata, status }: Namespace): FieldError[] {
  const phase = status?.phase;
  if (metadata.deletionTimestamp) {
    if (phase === "Terminating") return [];
    return [invalid("status.phase", phase ?? "", "may only be 'Terminating' if `deletionTimestamp` is not empty")];
  }
  if (phase === "Active") return [];
  return [invalid("status.phase", phase ?? "", "may only be 'Active' if `deletionTimestamp` is empty")];
}

export const namespaceKind: Kind<Namespace> = {
  ...namespaces,
  singular: "namespace",
  shortNames: ["ns"],
  categories: [],
  status: true,
  subresources: ["finalize"],
  lacks: ["deletecollection"],
  schema: "io.k8s.api.core.v1.Namespace",
  setDefaults({ metadata }) {
    if (metadata.name) metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name };
  },
  prepareForCreate(namespace) {
    dropGeneration(namespace);
    const finalizers = new Set(namespace.spec?.finalizers).add("kubernetes");
    namespace.spec = { ...namespace.spec, finalizers: [...finalizers] };
    Object.assign(namespace, { status: { phase: "Active" } });
  },
  // The spec is written through the subresource "finalize" only.
  prepareForUpdate(namespace, old) {
    namespace.spec = { ...namespace.spec, finalizers: [...(old.spec?.finalizers ?? [])] };
  },
  validate,
  validateStatusUpdate,
  raisesGeneration: () => false,
  validateName: checkDnsLabel,
  fieldSelectors: { "status.phase": ({ status }) => status?.phase ?? "" },
  columns: [
    nameColumn,
    text("Status", "Phase of the namespace's life.", ({ status }) => status?.phase ?? ""),
    ageColumn,
  ],
};
