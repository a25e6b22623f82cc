import type { Service } from "../object.ts";
import { dropEmpty } from "./_empty.ts";
import { isExternallyAccessible } from "./service-type.ts";

/** Seconds for which a client stays with its endpoint. */
const defaultAffinitySeconds = 10800;

const omittedWhenEmpty = [
  "clusterIP",
  "externalName",
  "externalTrafficPolicy",
  "healthCheckNodePort",
  "loadBalancerIP",
  "publishNotReadyAddresses",
] as const;

/** Fills what the Service API documents as defaults, in place; addresses and families are the allocator's (service-api S8 to S15). */
export function setServiceDefaults(service: Service): void {
  service.spec ??= {};
  const { spec } = service;
  spec.type ||= "ClusterIP";
  setAffinityDefaults(spec);
  if (service.status) (service.status as { loadBalancer?: object }).loadBalancer ??= {};
  dropEmpty(spec, omittedWhenEmpty);
  for (const port of spec.ports ?? []) {
    dropEmpty(port, ["name", "nodePort"]);
    port.protocol ||= "TCP";
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternallyAccessible(service)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type !== "LoadBalancer") return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip) ingress.ipMode ??= "VIP";
  }
}

function setAffinityDefaults(spec: Service["spec"]): void {
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: defaultAffinitySeconds } };
  }
}
