/** What a container may do, by its securityContext and the Pod's. Source: core/v1 SecurityContext, "Configure a Security Context". */
import { readFileSync } from "node:fs";
import { join } from "node:path";
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
  "capabilities" | "noNewPrivileges" | "seccomp" | "seccompProfile" | "readOnlyRoot" | "maskPaths"
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

/** Where the profiles of type Localhost are, as under /var/lib/kubelet elsewhere. */
export const seccompFolder = ({ dataDir }: { readonly dataDir: string }): string => join(dataDir, "seccomp");

function readProfile(name: string, folder: string, file: string): Readonly<Record<string, unknown>> {
  const path = join(folder, file);
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = (error as Error).message;
    throw new ContainerConfigError(
      `container ${name} cannot start: its seccomp profile ${path} cannot be used: ${reason}`,
    );
  }
}

type Filter = Pick<ContainerSpec, "seccomp" | "seccompProfile">;

/** `profiles` absent: what runs the container knows RuntimeDefault alone. */
function filterOf({ name }: Container, profile: SeccompProfile | undefined, profiles: string | undefined): Filter {
  if (profile?.type !== "Localhost") return profile?.type === "RuntimeDefault" ? { seccomp: true } : {};
  if (profiles !== undefined) return { seccompProfile: readProfile(name, profiles, profile.localhostProfile ?? "") };
  throw new ContainerConfigError(
    `container ${name} cannot start: seccompProfile.type is Localhost, which needs an OCI runtime (--container-runtime crun or runc, and an image); use RuntimeDefault or Unconfined`,
  );
}

/** Throws ContainerConfigError for what cannot be had. */
export function containerSecurity(container: Container, { spec }: Pod, profiles?: string): ContainerSecurity {
  const given = { ...spec.securityContext, ...container.securityContext };
  if (given.privileged) return { ...(given.readOnlyRootFilesystem && { readOnlyRoot: true }) };
  const capabilities = capabilitiesOf(container);
  const { seccomp, seccompProfile } = filterOf(container, given.seccompProfile, profiles);
  return {
    ...(capabilities && { capabilities }),
    // Who has CAP_SYS_ADMIN may make the calls that the filter is there for.
    ...(seccomp && capabilities && !capabilities.includes("SYS_ADMIN") && { seccomp }),
    ...(seccompProfile && { seccompProfile }),
    ...(given.allowPrivilegeEscalation === false && { noNewPrivileges: true }),
    ...(given.readOnlyRootFilesystem && { readOnlyRoot: true }),
    ...(given.procMount !== "Unmasked" && { maskPaths: true }),
  };
}
