import { formatCidr, parseCidrSloppy } from "../../net/cidr.ts";
import { invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { ServiceCIDR } from "../object.ts";
import { serviceCidrs } from "../resource.ts";
import { validateCidr } from "./_address.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";
import { specOf } from "./_workload.ts";

const field = "spec.cidrs";
const fixed = "field is immutable";

/** A strict CIDR in its only written form. */
function validateCanonical(path: string, text: string): FieldError[] {
  const faults = validateCidr(path, text);
  const cidr = parseCidrSloppy(text);
  if (faults.length > 0 || !cidr || formatCidr(cidr) === text) return faults;
  return [invalid(path, text, `must be in canonical form ("${formatCidr(cidr)}")`)];
}

/** Service-api S97. A change is judged by `validateUpdate`, and a list only if it grew. */
function validate({ spec }: ServiceCIDR, old?: ServiceCIDR): FieldError[] {
  return old && !hasGrown(spec, old.spec) ? [] : validateSpec(spec);
}

type Spec = ServiceCIDR["spec"];

const hasGrown = ({ cidrs = [] }: Spec, old: Spec): boolean => old.cidrs?.length === 1 && cidrs.length === 2;

function validateSpec(spec: Spec): FieldError[] {
  const cidrs = spec.cidrs ?? [];
  if (cidrs.length === 0) return [required(field, "at least one CIDR required")];
  if (cidrs.length > 2) return [invalid(field, { CIDRs: cidrs }, "may only hold up to 2 values")];
  const faults = cidrs.flatMap((cidr, index) => validateCanonical(`${field}[${index}]`, cidr));
  const [first, second] = cidrs.map((cidr) => parseCidrSloppy(cidr)?.ip.family);
  if (first && first === second) {
    const detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    faults.push(invalid(field, cidrs, detail));
  }
  return faults;
}

/** The only change is a second family for a range that has one. */
function validateUpdate({ spec }: ServiceCIDR, { spec: old }: ServiceCIDR): FieldError[] {
  const [now, before] = [spec.cidrs ?? [], old.cidrs ?? []];
  if (now.length !== before.length && !hasGrown(spec, old)) return [invalid(field, spec.cidrs ?? null, fixed)];
  return before.flatMap((cidr, index) =>
    cidr === now[index] ? [] : [invalid(`${field}[${index}]`, now[index], fixed)],
  );
}

export const serviceCidrKind: Kind<ServiceCIDR> = {
  ...serviceCidrs,
  singular: "servicecidr",
  shortNames: [],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.networking.v1.ServiceCIDR",
  setDefaults: (range) => void specOf(range),
  prepareForCreate(range) {
    dropGeneration(range);
    Object.assign(range, { status: {} });
  },
  validate,
  validateUpdate,
  columns: [
    nameColumn,
    text("CIDRs", "Ranges that ClusterIPs come from.", ({ spec }) => (spec.cidrs ?? []).join(",")),
    ageColumn,
  ],
};
