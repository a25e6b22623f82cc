import { invalid } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { Lease } from "../object.ts";
import { leases } from "../resource.ts";
import { validateNonNegative } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";

function validate({ spec = {} }: Lease): FieldError[] {
  const faults: FieldError[] = [];
  const duration = spec.leaseDurationSeconds;
  if (duration !== undefined && duration <= 0) {
    faults.push(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"));
  }
  return [...faults, ...validateNonNegative("spec.leaseTransitions", spec.leaseTransitions)];
}

export const leaseKind: Kind<Lease> = {
  ...leases,
  singular: "lease",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.coordination.v1.Lease",
  needsRevision: true,
  prepareForCreate: dropGeneration,
  validate,
  raisesGeneration: () => false,
  columns: [nameColumn, text("Holder", "Who holds the lease.", ({ spec }) => spec?.holderIdentity ?? ""), ageColumn],
};
