/** Values of a Pod's own fields for its containers. Source: core/v1 ObjectFieldSelector and ResourceFieldSelector. */
import type { Container, ResourceFieldSelector } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { parseQuantity } from "../../api/quantity.ts";

/** What of the Pod is known before its status is written. */
export interface PodFacts {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** Stands in for a limit that is not set: { cpu: "4", memory: "16Gi" }. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** A fault of the Pod's own making; the message goes into the container's status. */
export class ContainerConfigError extends Error {}

const escapeValue = (value: string): string => JSON.stringify(value);

/** `key="value"` lines in order, as files of the downward API hold them. */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${escapeValue(value)}`)
    .join("\n");
}

export function fieldValue(path: string, { pod, podIps, hostIps }: PodFacts): string {
  const { metadata, spec } = pod;
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
  if (map === "labels") return metadata.labels?.[key] ?? "";
  if (map === "annotations") return metadata.annotations?.[key] ?? "";
  const values: Readonly<Record<string, () => string>> = {
    "metadata.name": () => metadata.name,
    "metadata.namespace": () => metadata.namespace ?? "",
    "metadata.uid": () => metadata.uid ?? "",
    "metadata.labels": () => formatMap(metadata.labels),
    "metadata.annotations": () => formatMap(metadata.annotations),
    "spec.nodeName": () => spec.nodeName ?? "",
    "spec.serviceAccountName": () => spec.serviceAccountName ?? "",
    "status.hostIP": () => hostIps[0] ?? "",
    "status.hostIPs": () => hostIps.join(","),
    "status.podIP": () => podIps[0] ?? "",
    "status.podIPs": () => podIps.join(","),
  };
  const read = values[path];
  if (!read) throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
  return read();
}

/** Rounded up to whole units of the divisor (default 1: cores, bytes). */
export function resourceValue(
  { resource, divisor }: Pick<ResourceFieldSelector, "resource" | "divisor">,
  { container, facts }: { container: Pick<Container, "resources">; facts: PodFacts },
): string {
  const [, group, name = ""] = /^(limits|requests)\.(.+)$/.exec(resource) ?? [];
  if (!group) throw new ContainerConfigError(`unsupported container resource : ${resource}`);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const given = group === "limits" ? (limits[name] ?? facts.allocatable[name]) : requests[name];
  const amount = parseQuantity(given ?? "0");
  const unit = parseQuantity(divisor === undefined || divisor === "0" ? "1" : divisor);
  if (!amount || !unit) {
    throw new ContainerConfigError(`cannot use "${given}" with divisor "${divisor}" as ${resource}`);
  }
  return String((amount.nano + unit.nano - 1n) / unit.nano);
}
