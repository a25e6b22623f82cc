/** Decides a Service's ipFamilies and ipFamilyPolicy before addresses are taken: service-api S67 to S75. */
import { isDeepStrictEqual } from "node:util";
import { invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import { validateClusterIps } from "../../api/kinds/service-cluster-ips.ts";
import type { Service } from "../../api/object.ts";
import { familyOf, type IpFamily } from "../../net/ip.ts";

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIPs?.[0] === "None" || spec.clusterIP === "None";
export const needsClusterIp = ({ spec }: Service): boolean => spec.type !== "ExternalName";

const policyPath = "spec.ipFamilyPolicy";
const lists = [
  { field: "clusterIPs", one: "cluster IP", many: "cluster IPs" },
  { field: "ipFamilies", one: "IP family", many: "IP families" },
] as const;

const same = (a: readonly unknown[] = [], b: readonly unknown[] = []): boolean => isDeepStrictEqual(a, b);
const other = (family: string | undefined): IpFamily => (family === "IPv4" ? "IPv6" : "IPv4");
const isUnselective = ({ spec }: Service): boolean => Object.keys(spec.selector ?? {}).length === 0;

/** S75: what was decided when the cluster had other families stays, until its owner asks for something else. */
function staysAsItIs({ spec }: Service, old: Service | undefined): boolean {
  if (!old || spec.type !== old.spec.type || spec.ipFamilyPolicy !== "PreferDualStack") return false;
  if ((old.spec.ipFamilyPolicy ?? "PreferDualStack") !== "PreferDualStack") return false;
  return same(spec.clusterIPs, old.spec.clusterIPs) && same(spec.ipFamilies, old.spec.ipFamilies);
}

/** S69, S70: to give up the second family its owner says so by the policy. */
function judgeLists({ spec }: Service, old: Service | undefined): FieldError[] {
  const policy = spec.ipFamilyPolicy ?? null;
  const faults: FieldError[] = [];
  for (const { field, one } of lists) {
    const [now, before] = [spec[field] ?? [], old?.spec[field] ?? []];
    if (!old) continue;
    if (policy === "SingleStack") {
      if (now.length > 1 && same(now, before)) spec[field] = now.slice(0, 1);
    } else if (now.length > 0 && now.length < before.length) {
      faults.push(invalid(policyPath, policy, `must be 'SingleStack' to release the secondary ${one}`));
    }
  }
  for (const { field, many } of lists) {
    if (policy !== "SingleStack" || (spec[field] ?? []).length !== 2) continue;
    const detail = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${many} are specified`;
    faults.push(invalid(policyPath, policy, detail));
  }
  return faults;
}

/** S71: families that were not named are those of the addresses. */
function inferFamilies({ spec }: Service, configured: readonly IpFamily[]): FieldError[] {
  const ips = spec.clusterIPs ?? [];
  const families = [...(spec.ipFamilies ?? [])];
  const faults: FieldError[] = [];
  for (const [index, ip] of ips.entries()) {
    const family = familyOf(ip);
    if (ip === "None") break;
    if (!family || index < families.length) continue;
    if (configured.includes(family)) families.push(family);
    else faults.push(invalid(`spec.clusterIPs[${index}]`, ips, `${family} is not configured on this cluster`));
  }
  spec.ipFamilies = families;
  return faults;
}

function requireConfigured({ spec }: Service, configured: readonly IpFamily[]): FieldError[] {
  const faults: FieldError[] = [];
  if (spec.ipFamilyPolicy === "RequireDualStack" && configured.length < 2) {
    faults.push(invalid(policyPath, spec.ipFamilyPolicy, "this cluster is not configured for dual-stack services"));
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (configured.includes(family as IpFamily)) continue;
    faults.push(invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
  }
  return faults;
}

/** `configured`: the families that have a range, the primary one first. In place; faults as Kubernetes words them. */
export function decideFamilies(
  service: Service,
  old: Service | undefined,
  configured: readonly IpFamily[],
): FieldError[] {
  const { spec } = service;
  if (staysAsItIs(service, old)) return [];
  const alone = isHeadless(service) && isUnselective(service);
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (alone ? "RequireDualStack" : "SingleStack");
  const malformed = validateClusterIps(service, old);
  if (malformed.length > 0) return malformed;
  const faults = [...judgeLists(service, old), ...inferFamilies(service, configured)];
  if (faults.length > 0) return faults;
  // S72: a headless Service without selector names endpoints of any family, also one that the cluster has not.
  if (!alone) faults.push(...requireConfigured(service, configured));
  if (faults.length > 0) return faults;
  if (!spec.ipFamilies?.length) spec.ipFamilies = [configured[0] ?? "IPv4"];
  const takesBoth = spec.ipFamilyPolicy !== "SingleStack" && (alone || configured.length === 2);
  if (takesBoth && spec.ipFamilies.length === 1) spec.ipFamilies = [...spec.ipFamilies, other(spec.ipFamilies[0])];
  return [];
}
