/** What a container may do, by its securityContext and the Pod's. Source: core/v1 SecurityContext, "Configure a Security Context". */
import type { Container, SeccompProfile } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { ContainerConfigError } from "../environment/field-ref.ts";
import type { ContainerSpec } from "../runtime/container-runtime.ts";
import { isCapability } from "../runtime/enter.ts";

/** What containers have everywhere unless they ask for more or less. */
const defaultCapabilities =
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(
    " ",
  );

export type ContainerSecurity = Pick<
  ContainerSpec,
  "capabilities" | "noNewPrivileges" | "seccomp" | "readOnlyRoot" | "maskPaths"
>;

const plainName = (name: string): string => name.toUpperCase().replace(/^CAP_/, "");

/** "ALL" and names, with or without "CAP_"; what is added after all was dropped stays. Undefined: every one. */
function capabilitiesOf({ name, securityContext }: Container): readonly string[] | undefined {
  const { add = [], drop = [] } = securityContext?.capabilities ?? {};
  const [added, dropped] = [add.map(plainName), drop.map(plainName)];
  const unknown = [...added, ...dropped].find((one) => one !== "ALL" && !isCapability(one));
  if (unknown !== undefined) {
    throw new ContainerConfigError(`container ${name} cannot start: there is no capability "${unknown}"`);
  }
  if (added.includes("ALL") && dropped.length === 0) return undefined;
  const base = dropped.includes("ALL") ? [] : defaultCapabilities.filter((one) => !dropped.includes(one));
  return [...new Set([...base, ...added.filter((one) => one !== "ALL")])];
}

function wantsFilter({ name }: Container, profile: SeccompProfile | undefined): boolean {
  if (profile?.type !== "Localhost") return profile?.type === "RuntimeDefault";
  throw new ContainerConfigError(
    `container ${name} cannot start: seccompProfile.type is Localhost, which fairlead has no files for; use RuntimeDefault or Unconfined`,
  );
}

/** Throws ContainerConfigError for what cannot be had. */
export function containerSecurity(container: Container, { spec }: Pod): ContainerSecurity {
  const given = { ...spec.securityContext, ...container.securityContext };
  if (given.privileged) return { ...(given.readOnlyRootFilesystem && { readOnlyRoot: true }) };
  const capabilities = capabilitiesOf(container);
  const seccomp = wantsFilter(container, given.seccompProfile);
  return {
    ...(capabilities && { capabilities }),
    // Who has CAP_SYS_ADMIN may make the calls that the filter is there for.
    ...(seccomp && capabilities && !capabilities.includes("SYS_ADMIN") && { seccomp }),
    ...(given.allowPrivilegeEscalation === false && { noNewPrivileges: true }),
    ...(given.readOnlyRootFilesystem && { readOnlyRoot: true }),
    ...(given.procMount !== "Unmasked" && { maskPaths: true }),
  };
}
