/** What a write changes by itself before it is validated: service-api sections 6 and 9. */
import { isDeepStrictEqual } from "node:util";
import type { Service } from "../object.ts";
import { dropGeneration } from "./_generation.ts";
import {
  isExposed,
  isExternallyAccessible,
  needsClusterIp,
  needsHealthCheckNodePort,
  needsNodePorts,
  trafficPolicies,
} from "./service-type.ts";

/** A new Service has no status yet and never a generation; `clusterIP` alone stands for `clusterIPs` (S4, S5, S65). */
export function prepareServiceForCreate(service: Service): void {
  Object.assign(service, { status: { loadBalancer: {} } });
  dropGeneration(service);
  const { spec } = service;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  dropInternalPolicy(service);
}

/** S12: an ExternalName is read without it; a bad value is left for validation to name. */
function dropInternalPolicy({ spec }: Service): void {
  const policy = spec.internalTrafficPolicy ?? "";
  if (spec.type === "ExternalName" && trafficPolicies.includes(policy)) delete spec.internalTrafficPolicy;
}

/**
 * Makes an update mean what its writer meant: omitted allocated values are kept, the two cluster IP fields agree, and fields that
 * the new type has no use for are dropped if the writer left them as they were. The status must already be the old one.
 */
export function prepareServiceForUpdate(service: Service, old: Service): void {
  keepAllocated(service, old);
  normalizeClusterIps(service, old);
  dropTypeDependentFields(service, old);
  dropInternalPolicy(service);
}

/** S67: so that applying the first manifest again changes nothing. */
function keepAllocated(service: Service, old: Service): void {
  const { spec } = service;
  if (needsClusterIp(service) && needsClusterIp(old)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && old.spec.clusterIPs) {
      spec.clusterIPs = [...old.spec.clusterIPs];
    }
  }
  if (needsNodePorts(service) && needsNodePorts(old)) keepNodePorts(service, old);
  if (needsHealthCheckNodePort(service) && needsHealthCheckNodePort(old)) {
    if (!spec.healthCheckNodePort && old.spec.healthCheckNodePort) {
      spec.healthCheckNodePort = old.spec.healthCheckNodePort;
    }
  }
}

function nodePortsOf({ spec }: Service): Set<number> {
  return new Set((spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0).filter((nodePort) => nodePort !== 0));
}

/** Node ports are found again by the name of their port, unless another port now claims the number. */
function keepNodePorts(service: Service, old: Service): void {
  const claimed = nodePortsOf(service);
  const byName = new Map((old.spec.ports ?? []).map(({ name = "", nodePort }) => [name, nodePort]));
  for (const port of service.spec.ports ?? []) {
    const former = byName.get(port.name ?? "");
    if (port.nodePort || !former || claimed.has(former)) continue;
    port.nodePort = former;
    claimed.add(former);
  }
}

/** S66: clients that know only `clusterIP` may change it alone. */
function normalizeClusterIps({ spec }: Service, { spec: old }: Service): void {
  const unchanged = isDeepStrictEqual(spec.clusterIPs ?? [], old.clusterIPs ?? []);
  if (!spec.clusterIP) {
    if (old.clusterIP && unchanged) delete spec.clusterIPs;
  } else if (spec.clusterIP !== old.clusterIP && unchanged) spec.clusterIPs = [spec.clusterIP];
  else if (spec.clusterIP === old.clusterIP && !spec.clusterIPs?.length && old.clusterIPs) {
    spec.clusterIPs = [...old.clusterIPs];
  }
}

type SpecField = keyof Service["spec"];

/** Drops a field whose value is the old one. */
function dropUnchanged({ spec }: Service, { spec: old }: Service, fields: readonly SpecField[]): void {
  if (!fields.every((field) => isDeepStrictEqual(spec[field], old[field]))) return;
  for (const field of fields) delete spec[field];
}

/** S101 to S106, S63. Fields that the writer changed stay, and validation decides. */
function dropTypeDependentFields(service: Service, old: Service): void {
  const left = (needs: (service: Service) => boolean) => needs(old) && !needs(service);
  if (left(needsClusterIp)) {
    if (isDeepStrictEqual(service.spec.clusterIPs, old.spec.clusterIPs)) {
      delete service.spec.clusterIP;
      delete service.spec.clusterIPs;
    }
    dropUnchanged(service, old, ["ipFamilies"]);
    dropUnchanged(service, old, ["ipFamilyPolicy"]);
  }
  // Numbers outlive the switch that asks for them (S83).
  if (left(isExposed) && nodePortsOf(service).isSubsetOf(nodePortsOf(old))) {
    for (const port of service.spec.ports ?? []) delete port.nodePort;
  }
  if (left(needsHealthCheckNodePort)) dropUnchanged(service, old, ["healthCheckNodePort"]);
  if (left(({ spec }) => spec.type === "LoadBalancer")) {
    dropUnchanged(service, old, ["allocateLoadBalancerNodePorts"]);
    dropUnchanged(service, old, ["loadBalancerClass"]);
    Object.assign(service, { status: { ...service.status, loadBalancer: {} } });
  }
  if (left(isExternallyAccessible)) dropUnchanged(service, old, ["externalTrafficPolicy"]);
}
