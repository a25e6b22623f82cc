import type { Service } from "../object.ts";
import { warnAboutCidr, warnAboutIp } from "./_address.ts";

const topologyHints = "service.kubernetes.io/topology-aware-hints";
const topologyMode = "service.kubernetes.io/topology-mode";

/** Warnings about fields that are ignored, deprecated or oddly written (service-api S113 to S116). */
export function serviceWarnings(service: Service): string[] {
  const { metadata, spec } = service;
  const isExternalName = spec.type === "ExternalName";
  const isHeadless = spec.type === "ClusterIP" && spec.clusterIP === "None";
  const externalIps = spec.externalIPs ?? [];
  const warnings: string[] = [];
  if (metadata.annotations?.[topologyHints] !== undefined) {
    warnings.push(`annotation ${topologyHints} is deprecated, please use ${topologyMode} instead`);
  }
  if (isHeadless) warnings.push(...headlessWarnings(service));
  else warnings.push(...(spec.clusterIPs ?? []).flatMap((ip, index) => warnAboutIp(`spec.clusterIPs[${index}]`, ip)));
  warnings.push(...externalIps.flatMap((ip, index) => warnAboutIp(`spec.externalIPs[${index}]`, ip)));
  if (externalIps.length > 0 && !isHeadless && !isExternalName) {
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (spec.loadBalancerIP) warnings.push(...warnAboutIp("spec.loadBalancerIP", spec.loadBalancerIP));
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    warnings.push(...warnAboutCidr(`spec.loadBalancerSourceRanges[${index}]`, range));
  }
  if (isExternalName && externalIps.length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (!isExternalName && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === "PreferClose") {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}

function headlessWarnings({ spec }: Service): string[] {
  const warnings: string[] = [];
  if (spec.loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
  if (spec.externalIPs?.length) warnings.push("spec.externalIPs is ignored for headless services");
  if (spec.sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  return warnings;
}
