/** Rules of a change of a Service and of its status: service-api sections 4 and 5. */
import { isIP } from "node:net";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import type { Service } from "../object.ts";
import { validateIp } from "./_address.ts";
import { checked } from "./_check.ts";
import { validateClusterIpChange } from "./service-cluster-ips.ts";
import { needsHealthCheckNodePort } from "./service-type.ts";

export const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

/** S42. An update is judged by it twice, as in Kubernetes. */
export function validateClass({ spec: { type, loadBalancerClass } }: Service): FieldError[] {
  if (loadBalancerClass === undefined) return [];
  if (type !== "LoadBalancer") return [forbidden("spec.loadBalancerClass", onlyLoadBalancer)];
  return checked("spec.loadBalancerClass", loadBalancerClass, checkQualifiedName(loadBalancerClass));
}

/** Faults of the change itself. */
export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const faults = validateClusterIpChange(service, old);
  const { spec } = service;
  const stayed = spec.type === "LoadBalancer" && old.spec.type === "LoadBalancer";
  if (stayed && spec.loadBalancerClass !== old.spec.loadBalancerClass) {
    faults.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set"));
  }
  faults.push(...validateClass(service));
  if (needsHealthCheckNodePort(service) && needsHealthCheckNodePort(old)) {
    if (spec.healthCheckNodePort !== old.spec.healthCheckNodePort) {
      faults.push(forbidden("spec.healthCheckNodePort", "field is immutable"));
    }
  }
  return faults;
}

/** S58 to S60. */
export function validateServiceStatusUpdate(service: Service, old: Service): FieldError[] {
  const path = "status.loadBalancer.ingress";
  const ingresses = service.status?.loadBalancer?.ingress ?? [];
  if (ingresses.length > 0 && service.spec.type !== "LoadBalancer") {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  const stored = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return ingresses.flatMap((ingress, index) => [
    ...validateIngressIp(`${path}[${index}]`, ingress, stored),
    ...validateIngressHostname(`${path}[${index}].hostname`, ingress.hostname),
  ]);
}

const ipModes = ["Proxy", "VIP"];

function validateIngressIp(path: string, ingress: { ip?: string; ipMode?: string }, stored: string[]): FieldError[] {
  const { ip, ipMode } = ingress;
  const faults = ip ? validateIp(`${path}.ip`, ip, stored) : [];
  if (ipMode === undefined)
    return ip ? [...faults, required(`${path}.ipMode`, "must be specified when `ip` is set")] : faults;
  if (!ip) return [forbidden(`${path}.ipMode`, "may not be specified when `ip` is not set")];
  return ipModes.includes(ipMode) ? faults : [...faults, notSupported(`${path}.ipMode`, ipMode, ipModes)];
}

function validateIngressHostname(path: string, hostname: string | undefined): FieldError[] {
  if (!hostname) return [];
  const faults = checked(path, hostname, checkDnsSubdomain(hostname));
  return isIP(hostname) ? [...faults, invalid(path, hostname, "must be a DNS name, not an IP address")] : faults;
}
