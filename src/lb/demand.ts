/** Reads a Service's wishes and its assigned addresses (pure). */
import { objectKey, type Service } from "../api/object.ts";
import { type IpFamily, parseIp } from "../net/ip.ts";
import type { Demand } from "./pools.ts";

/**
 * Whether this load balancer serves it: type LoadBalancer and `spec.loadBalancerClass` as configured (both unset by
 * default). https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-class
 */
export function isOurs({ spec }: Service, loadBalancerClass: string | undefined): boolean {
  return spec.type === "LoadBalancer" && spec.loadBalancerClass === loadBalancerClass;
}

/** Addresses in its status. */
export function assignedTo({ status }: Service): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
}

function familiesOf({ spec }: Service): IpFamily[] {
  if (spec.ipFamilies?.length) return spec.ipFamilies as IpFamily[];
  const primary = spec.clusterIP ? parseIp(spec.clusterIP)?.family : undefined;
  return [primary ?? "IPv4"];
}

/** `held`: what it was given before; its status counts if that is unknown. */
export function demandOf(service: Service, held: readonly string[] | undefined): Demand {
  const families = familiesOf(service);
  const prefers = service.spec.ipFamilyPolicy === "PreferDualStack" && families.length > 1;
  return {
    service: objectKey(service),
    required: prefers ? [] : families,
    optional: prefers ? families : [],
    requested: service.spec.loadBalancerIP || undefined,
    held: held ?? assignedTo(service),
  };
}

/** The Service with these addresses in its status; undefined if it has just them already. */
export function withAddresses(service: Service, addresses: readonly string[]): Service | undefined {
  const ingress = addresses.map((ip) => ({ ip, ipMode: "VIP" }));
  const now = service.status?.loadBalancer?.ingress ?? [];
  const same =
    now.length === ingress.length &&
    ingress.every(
      ({ ip, ipMode }, i) => now[i]?.ip === ip && (now[i]?.ipMode ?? "VIP") === ipMode && !now[i]?.hostname,
    );
  if (same) return undefined;
  const loadBalancer = ingress.length > 0 ? { ingress } : {};
  return { ...service, status: { ...service.status, loadBalancer } };
}
