/** What is legal in a Pod but hardly meant. Source: the texts of the public API's Warning headers. */
import { isDeepStrictEqual } from "node:util";
import type { Container, PodSpec, PodTemplateSpec } from "kubernetes-types/core/v1";
import { ownField } from "../json.ts";
import { parseQuantity } from "../quantity.ts";

/** Labels of nodes whose names have changed, with the release and the new name. */
const oldLabels: Readonly<Record<string, readonly [release: string, label: string]>> = {
  "beta.kubernetes.io/arch": ["v1.14", "kubernetes.io/arch"],
  "beta.kubernetes.io/os": ["v1.14", "kubernetes.io/os"],
  "beta.kubernetes.io/instance-type": ["v1.17", "node.kubernetes.io/instance-type"],
  "failure-domain.beta.kubernetes.io/region": ["v1.17", "topology.kubernetes.io/region"],
  "failure-domain.beta.kubernetes.io/zone": ["v1.17", "topology.kubernetes.io/zone"],
};
const byteResources = ["memory", "ephemeral-storage"];
const nanoPerUnit = 1_000_000_000n;

/** Warnings about the Pod spec that stands at `field`. */
export function warnAboutPodSpec(field: string, spec: PodSpec): string[] {
  const { nodeSelector = {}, topologySpreadConstraints: spread = [], terminationGracePeriodSeconds: grace = 0 } = spec;
  const warnings = Object.keys(nodeSelector).flatMap((label) => {
    const [release, next] = ownField(oldLabels, label) ?? [];
    return next ? [`${field}.nodeSelector[${label}]: deprecated since ${release}; use "${next}" instead`] : [];
  });
  for (const [index, { labelSelector }] of spread.entries()) {
    if (labelSelector) continue;
    const path = `${field}.topologySpreadConstraints[${index}].labelSelector`;
    warnings.push(`${path}: a null labelSelector results in matching no pod`);
  }
  for (const list of ["initContainers", "containers"] as const) {
    const containers = spec[list] ?? [];
    warnings.push(...containers.flatMap((one, index) => warnAboutContainer(`${field}.${list}[${index}]`, one)));
  }
  if (grace < 0) {
    const path = `${field}.terminationGracePeriodSeconds`;
    warnings.push(`${path}: must be >= 0; negative values are invalid and will be treated as 1`);
  }
  return warnings;
}

function warnAboutContainer(path: string, { env = [], resources = {} }: Container): string[] {
  const seen = new Set<string>();
  const warnings = env.flatMap(({ name, value = "" }, index) => {
    // A variable may well be made longer by its second definition.
    const hides = seen.has(name) && !value.includes(`$(${name})`);
    seen.add(name);
    const text = `${path}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`;
    return hides ? [text] : [];
  });
  for (const list of ["limits", "requests"] as const) {
    for (const name of byteResources) {
      const amount = resources[list]?.[name];
      const quantity = amount === undefined ? undefined : parseQuantity(amount);
      if (!quantity || quantity.nano % nanoPerUnit === 0n) continue;
      const at = `${path}.resources.${list}[${name}]`;
      warnings.push(`${at}: fractional byte value "${quantity.canonical}" is invalid, must be an integer`);
    }
  }
  return warnings;
}

/** Warnings about a template of Pods that is new or has changed. */
export function warnAboutTemplate(
  field: string,
  template: PodTemplateSpec | undefined,
  old: PodTemplateSpec | undefined,
): string[] {
  if (!template?.spec || (old && isDeepStrictEqual(template, old))) return [];
  return warnAboutPodSpec(`${field}.spec`, template.spec);
}
