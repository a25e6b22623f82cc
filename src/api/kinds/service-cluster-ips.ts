/** Cluster IPs and their families: as they stand (service-api S32 to S36) and how they may change (S51 to S53). */
import { familyOf } from "../../net/ip.ts";
import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Service } from "../object.ts";
import { validateIp } from "./_address.ts";
import { isHeadless } from "./service-type.ts";

const families = ["IPv4", "IPv6"];
const familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const path = "spec.clusterIPs";

/** Faults of the addresses and families; an ExternalName is judged elsewhere. */
export function validateClusterIps(service: Service, old?: Service): FieldError[] {
  if (service.spec.type === "ExternalName") return [];
  const ips = service.spec.clusterIPs ?? [];
  const faults = [...validateAgreement(service), ...validateFamilies(service)];
  const textFaults = validateTexts(ips, old?.spec.clusterIPs);
  faults.push(...textFaults);
  if (ips.length > 2) faults.push(invalid(path, ips, "may only hold up to 2 values"));
  if (textFaults.length > 0) return faults;
  if (ips.length > 1 && new Set(ips.map(familyOf)).size < 2) {
    faults.push(invalid(path, ips, "may specify no more than one IP for each IP family"));
  }
  if (!isHeadless(service)) faults.push(...validateMatch(ips, service.spec.ipFamilies ?? []));
  return faults;
}

function validateAgreement({ spec }: Service): FieldError[] {
  const ips = spec.clusterIPs ?? [];
  if (!spec.clusterIP) {
    return ips.length === 0 ? [] : [invalid(path, ips, "must be empty when `clusterIP` is not specified")];
  }
  if (ips.length === 0) return [required(path)];
  return ips[0] === spec.clusterIP ? [] : [invalid(path, ips, "first value must match `clusterIP`")];
}

function validateFamilies({ spec }: Service): FieldError[] {
  const faults: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (!families.includes(family)) faults.push(notSupported(`spec.ipFamilies[${index}]`, family, families));
    if (seen.has(family)) faults.push(duplicate(`spec.ipFamilies[${index}]`, family));
    seen.add(family);
  }
  const policy = spec.ipFamilyPolicy;
  if (policy !== undefined && !familyPolicies.includes(policy)) {
    faults.push(notSupported("spec.ipFamilyPolicy", policy, familyPolicies));
  }
  return faults;
}

function validateTexts(ips: readonly string[], stored: readonly string[] | undefined): FieldError[] {
  return ips.flatMap((ip, index) => {
    if (index > 0 || ip !== "None") return validateIp(`${path}[${index}]`, ip, stored);
    return ips.length > 1 ? [invalid(path, ips, "'None' must be the first and only value")] : [];
  });
}

function validateMatch(ips: readonly string[], wanted: readonly string[]): FieldError[] {
  return ips.flatMap((ip, index) => {
    const family = wanted[index];
    if (family === undefined || !families.includes(family) || familyOf(ip) === family) return [];
    return [invalid(`${path}[${index}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``)];
  });
}

/** Faults of a change: the first address and family stay for life; the second may come and go with the policy. */
export function validateClusterIpChange(service: Service, old: Service): FieldError[] {
  if (service.spec.type === "ExternalName" || old.spec.type === "ExternalName") return [];
  const faults: FieldError[] = [];
  if (!isHeadless(service) || !isHeadless(old)) {
    faults.push(...validateListChange(service, "clusterIPs", "clusterIP", old.spec.clusterIPs ?? []));
  }
  if (!isHeadless(service) && !isHeadless(old)) {
    faults.push(...validateListChange(service, "ipFamilies", "ipFamily", old.spec.ipFamilies ?? []));
  }
  return faults;
}

function validateListChange(
  { spec }: Service,
  field: "clusterIPs" | "ipFamilies",
  singular: string,
  old: readonly string[],
): FieldError[] {
  const list = spec[field] ?? [];
  const changed = (index: number) => invalid(`spec.${field}[${index}]`, list, "may not change once set");
  if (list.length === old.length) {
    // Of families Kubernetes names the first one, whichever changed.
    const at = (index: number) => (field === "ipFamilies" ? 0 : index);
    return old.flatMap((value, index) => (value === list[index] ? [] : [changed(at(index))]));
  }
  const faults: FieldError[] = [];
  if (list.length === 0) faults.push(invalid(`spec.${field}[0]`, list, `primary ${singular} can not be unset`));
  else if (old.length > 0 && list[0] !== old[0]) {
    // Of families too Kubernetes shows the addresses then.
    faults.push(invalid(`spec.${field}[0]`, spec.clusterIPs ?? [], "may not change once set"));
  }
  if (list.length < old.length && list.length === 1 && spec.ipFamilyPolicy !== "SingleStack") {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${singular}`;
    faults.push(invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy ?? null, detail));
  }
  return faults;
}
