/** Rules of the security contexts of Pods and of containers. Source: the field docs of PodSecurityContext and SecurityContext. */
import type { Container, PodSpec, SeccompProfile } from "kubernetes-types/core/v1";
import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { inclusiveRange } from "../names.ts";

const maxId = 2147483647;
const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const procMounts = ["Default", "Unmasked"];
const changePolicies = ["Always", "OnRootMismatch"];
const groupPolicies = ["Merge", "Strict"];
const maxSysctl = 253;
const sysctl = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const sysctlRegex = new RegExp(sysctl);

/** The part that came after the published types. */
type Late = { readonly supplementalGroupsPolicy?: string };

function validateId(field: string, id: number | undefined): FieldError[] {
  return id === undefined || (id >= 0 && id <= maxId) ? [] : [invalid(field, id, inclusiveRange(0, maxId))];
}

function validateOption(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, allowed)];
}

/** A seccomp or AppArmor profile: a file of the node, or one of two words. */
function validateProfile(field: string, profile: SeccompProfile | undefined, word: string): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  if (!type) return [required(`${field}.type`, "type is required when a profile is set")];
  if (!profileTypes.includes(type)) return [notSupported(`${field}.type`, type, profileTypes)];
  if (type === "Localhost") {
    if (localhostProfile?.trim()) return [];
    return [required(`${field}.localhostProfile`, `must be set when ${word} type is Localhost`)];
  }
  if (localhostProfile === undefined) return [];
  const detail = `can only be set when ${word} type is Localhost`;
  return [invalid(`${field}.localhostProfile`, localhostProfile, detail)];
}

/** Source: the field docs of PodSecurityContext. `field` is where the Pod spec stands. */
export function validatePodSecurity(field: string, spec: PodSpec): FieldError[] {
  const { securityContext: context = {}, hostPID, shareProcessNamespace } = spec;
  const path = `${field}.securityContext`;
  const faults: FieldError[] = [];
  if (hostPID && shareProcessNamespace) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    faults.push(invalid(`${field}.shareProcessNamespace`, true, detail));
  }
  return [
    ...faults,
    ...validateId(`${path}.fsGroup`, context.fsGroup),
    ...validateId(`${path}.runAsUser`, context.runAsUser),
    ...validateId(`${path}.runAsGroup`, context.runAsGroup),
    ...(context.supplementalGroups ?? []).flatMap((id, index) =>
      validateId(`${path}.supplementalGroups[${index}]`, id),
    ),
    ...validateSysctls(`${path}.sysctls`, context.sysctls ?? [], spec.hostNetwork === true),
    ...validateOption(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, changePolicies),
    ...validateOption(`${path}.supplementalGroupsPolicy`, (context as Late).supplementalGroupsPolicy, groupPolicies),
    ...validateProfile(`${path}.seccompProfile`, context.seccompProfile, "seccomp"),
    ...validateProfile(`${path}.appArmorProfile`, context.appArmorProfile, "AppArmor"),
  ];
}

function validateSysctls(
  field: string,
  sysctls: NonNullable<NonNullable<PodSpec["securityContext"]>["sysctls"]>,
  hostNetwork: boolean,
): FieldError[] {
  const seen = new Set<string>();
  return sysctls.flatMap(({ name }, index) => {
    const path = `${field}[${index}].name`;
    if (!name) return [required(path)];
    const faults: FieldError[] = [];
    if (name.length > maxSysctl || !sysctlRegex.test(name)) {
      faults.push(invalid(path, name, `must have at most ${maxSysctl} characters and match regex ${sysctl}`));
    } else if (seen.has(name)) faults.push(duplicate(path, name));
    seen.add(name);
    if (hostNetwork && name.startsWith("net.")) {
      faults.push(invalid(path, name, "may not be specified when 'hostNetwork' is true"));
    }
    return faults;
  });
}

/** Source: the field docs of SecurityContext. */
export function validateContainerSecurity(path: string, { securityContext: context }: Container): FieldError[] {
  if (!context) return [];
  const field = `${path}.securityContext`;
  const faults = [
    ...validateId(`${field}.runAsUser`, context.runAsUser),
    ...validateId(`${field}.runAsGroup`, context.runAsGroup),
    ...validateOption(`${field}.procMount`, context.procMount, procMounts),
    ...validateProfile(`${field}.seccompProfile`, context.seccompProfile, "seccomp"),
    ...validateProfile(`${field}.appArmorProfile`, context.appArmorProfile, "AppArmor"),
  ];
  if (context.allowPrivilegeEscalation !== false) return faults;
  const clash = (what: string) =>
    invalid(field, context, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`);
  if (context.privileged) faults.push(clash("`privileged` to true"));
  if (context.capabilities?.add?.includes("CAP_SYS_ADMIN")) faults.push(clash("`capabilities.Add` CAP_SYS_ADMIN"));
  return faults;
}
