/** What a Pod asks for and gets no more than in part, a sentence each (pure): an Event says so, nothing is silently ignored. */
import type { Container, PodSecurityContext, SecurityContext, VolumeMount } from "kubernetes-types/core/v1";
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

/** Fields of newer releases than the types have. */
interface NewerMount {
  readonly recursiveReadOnly?: string;
}
interface NewerContainer {
  readonly restartPolicy?: string;
  readonly restartPolicyRules?: readonly unknown[];
}
interface NewerPodSpec {
  readonly resources?: Container["resources"];
}

function ofMount(name: string, { mountPath, mountPropagation = "None" }: VolumeMount): string[] {
  if (mountPropagation === "None") return [];
  return [
    `container ${name}: the mount at ${mountPath} has no mountPropagation ${mountPropagation}: what is mounted later is not seen on the other side`,
  ];
}

/** What only an OCI runtime gives. */
export function unsupportedByProcesses({ name, volumeMounts = [] }: Container): string[] {
  const mounts: readonly (VolumeMount & NewerMount)[] = volumeMounts;
  return mounts
    .filter(({ recursiveReadOnly }) => recursiveReadOnly === "Enabled")
    .map(
      ({ mountPath }) =>
        `container ${name}: the mount at ${mountPath} is read-only by itself, recursiveReadOnly has no effect on what is mounted below it; for that its image must be run by crun or runc`,
    );
}

function ofContainer(container: Container & NewerContainer, { noLimits }: Abilities): string[] {
  const {
    name,
    securityContext,
    volumeDevices = [],
    volumeMounts = [],
    resources,
    restartPolicyRules = [],
  } = container;
  const limits = Object.keys(resources?.limits ?? {});
  return [
    ...ofSecurity(`container ${name}`, securityContext),
    ...volumeMounts.flatMap((mount) => ofMount(name, mount)),
    ...(restartPolicyRules.length > 0
      ? [`container ${name}: restartPolicyRules have no effect, its restartPolicy alone says whether it starts again`]
      : []),
    ...(resources?.claims?.length
      ? [`container ${name}: resource claims have no effect, there are no devices to allocate`]
      : []),
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
    ...((spec as NewerPodSpec).resources
      ? ["the Pod: resources of the Pod as a whole are not enforced, only those of its containers"]
      : []),
    ...containers.flatMap((container) => ofContainer(container, abilities)),
  ];
}
