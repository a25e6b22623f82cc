/** What a Pod asks for and gets no more than in part, a sentence each (pure): an Event says so, nothing is silently ignored. */
import type { Container, PodSecurityContext, SecurityContext } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";

export interface Abilities {
  /** Why limits of memory, cpu and processes are not enforced; undefined when they are. */
  readonly noLimits: string | undefined;
}

function ofSecurity(subject: string, given: SecurityContext | PodSecurityContext | undefined): string[] {
  const { seLinuxOptions, appArmorProfile, windowsOptions } = given ?? {};
  const profile = appArmorProfile?.type;
  return [
    ...(seLinuxOptions ? [`${subject}: seLinuxOptions have no effect, fairlead sets no SELinux labels`] : []),
    ...(profile && profile !== "Unconfined"
      ? [`${subject}: appArmorProfile ${profile} has no effect, fairlead loads no AppArmor profiles`]
      : []),
    ...(windowsOptions ? [`${subject}: windowsOptions have no effect on Linux`] : []),
  ];
}

function ofContainer(
  { name, securityContext, volumeDevices = [], resources }: Container,
  { noLimits }: Abilities,
): string[] {
  const limits = Object.keys(resources?.limits ?? {});
  return [
    ...ofSecurity(`container ${name}`, securityContext),
    ...(volumeDevices.length > 0
      ? [`container ${name}: volumeDevices have no effect, there are no block volumes`]
      : []),
    ...(limits.length > 0 && noLimits !== undefined
      ? [`container ${name}: its limits (${limits.join(", ")}) are not enforced: ${noLimits}`]
      : []),
  ];
}

export function unsupported({ spec }: Pod, abilities: Abilities): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...ofSecurity("the Pod", spec.securityContext),
    ...(spec.hostUsers === false
      ? ["the Pod: hostUsers false has no effect, its containers have the node's users"]
      : []),
    ...containers.flatMap((container) => ofContainer(container, abilities)),
  ];
}
