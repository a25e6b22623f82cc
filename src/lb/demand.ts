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

/** Keeps a deleted Service until its load balancer is gone (service-api S121). */
const cleanup = "service.kubernetes.io/load-balancer-cleanup";

export const isHeld = ({ metadata }: Service): boolean => metadata.finalizers?.includes(cleanup) === true;

/** Its finalizers with, or without, the one that keeps it. */
export function finalizersOf({ metadata }: Service, held: boolean): readonly string[] {
  const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanup);
  return held ? [...others, cleanup] : others;
}

/**
 * "balanced": it gets addresses; "foreign": another load balancer's; "not balanced": it goes, or is of another type, so that what is
 * left of a balancer is cleaned up.
 */
export function stateOf(
  service: Service,
  loadBalancerClass: string | undefined,
): "balanced" | "foreign" | "not balanced" {
  const ours = isOurs(service, loadBalancerClass);
  if (ours) return service.metadata.deletionTimestamp ? "not balanced" : "balanced";
  return service.spec.type === "LoadBalancer" ? "foreign" : "not balanced";
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

/** A merge patch of the status that writes these addresses; undefined if it has just them already. */
export function patchOfAddresses(service: Service, addresses: readonly string[]): object | undefined {
  const ingress = addresses.map((ip) => ({ ip, ipMode: "VIP" }));
  const now = service.status?.loadBalancer?.ingress ?? [];
  const same =
    now.length === ingress.length &&
    ingress.every(
      ({ ip, ipMode }, i) => now[i]?.ip === ip && (now[i]?.ipMode ?? "VIP") === ipMode && !now[i]?.hostname,
    );
  if (same) return undefined;
  const { uid } = service.metadata;
  return { metadata: { uid }, status: { loadBalancer: { ingress: ingress.length > 0 ? ingress : null } } };
}
