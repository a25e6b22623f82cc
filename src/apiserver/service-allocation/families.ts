/** Decides a Service's clusterIPs, ipFamilies and ipFamilyPolicy before addresses are taken. */
import { invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { familyOf, type IpFamily } from "../../net/ip.ts";

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIPs?.[0] === "None" || spec.clusterIP === "None";
export const needsClusterIp = ({ spec }: Service): boolean => spec.type !== "ExternalName";

const same = (a: readonly unknown[] = [], b: readonly unknown[] = []): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

/** Fills what the request left out from the stored object, so that applying the first manifest again changes nothing. */
function fillFromOld({ spec }: Service, { spec: old }: Service): void {
  if (spec.clusterIP === undefined || spec.clusterIP === "") {
    if (!spec.clusterIPs?.length || same(spec.clusterIPs, old.clusterIPs)) {
      if (old.clusterIP) spec.clusterIP = old.clusterIP;
      if (old.clusterIPs) spec.clusterIPs = [...old.clusterIPs];
    }
  } else if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP) {
    if (old.clusterIPs) spec.clusterIPs = [...old.clusterIPs];
  } else if (spec.clusterIP !== old.clusterIP && same(spec.clusterIPs, old.clusterIPs)) {
    spec.clusterIPs = [spec.clusterIP];
  }
}

/** Fields clusterIP and clusterIPs agree afterwards, as far as the request can be read so. In place. */
export function normalizeClusterIps(service: Service, old: Service | undefined): void {
  if (old && needsClusterIp(service) && needsClusterIp(old)) fillFromOld(service, old);
  const { spec } = service;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
}

function headlessWithoutSelector(service: Service, primary: IpFamily): void {
  const { spec } = service;
  spec.ipFamilyPolicy ??= "RequireDualStack";
  if (!spec.ipFamilies?.length) spec.ipFamilies = [primary];
  if (spec.ipFamilyPolicy !== "SingleStack" && spec.ipFamilies.length === 1) {
    spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === "IPv4" ? "IPv6" : "IPv4"];
  }
}

function cutToSingle({ spec }: Service, old: Service | undefined): FieldError[] {
  const faults: FieldError[] = [];
  const words = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  for (const [field, noun] of [
    ["clusterIPs", "cluster IPs"],
    ["ipFamilies", "IP families"],
  ] as const) {
    const list = spec[field];
    if (!list || list.length < 2) continue;
    if (old && same(list, old.spec[field])) spec[field] = list.slice(0, 1);
    else faults.push(invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, `${words} ${noun} are specified`));
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
  const primary = configured[0] ?? "IPv4";
  const headless = isHeadless(service);
  const unselective = Object.keys(spec.selector ?? {}).length === 0;
  if (headless && unselective) {
    headlessWithoutSelector(service, primary);
    return [];
  }
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? "SingleStack";
  if (spec.ipFamilyPolicy === "RequireDualStack" && configured.length < 2) {
    return [
      invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, "this cluster is not configured for dual-stack services"),
    ];
  }
  const faults = spec.ipFamilyPolicy === "SingleStack" ? cutToSingle(service, old) : [];
  const families = [...(spec.ipFamilies ?? [])];
  for (const [index, address] of (headless ? [] : (spec.clusterIPs ?? [])).entries()) {
    const family = familyOf(address);
    if (family && index === families.length) families.push(family);
  }
  if (families.length === 0) families.push(primary);
  const second = configured.find((family) => family !== families[0]);
  if (spec.ipFamilyPolicy !== "SingleStack" && families.length === 1 && second) families.push(second);
  spec.ipFamilies = families;
  for (const [index, family] of families.entries()) {
    if (!configured.includes(family as IpFamily)) {
      faults.push(invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
    }
  }
  return faults;
}
