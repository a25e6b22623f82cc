/** What a Service's type and policies make it need. */
import type { Service } from "../object.ts";

/** No virtual IP: names resolve to the endpoints themselves. */
export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

/** ClusterIP, NodePort and LoadBalancer have addresses of the cluster ("None" counts); ExternalName has none. */
export function needsClusterIp({ spec }: Service): boolean {
  return spec.type === "ClusterIP" || spec.type === "NodePort" || spec.type === "LoadBalancer";
}

/** True if every port gets a node port (service-api S85). */
export function needsNodePorts({ spec }: Service): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
}

/** True if load balancers ask each node whether it has local endpoints. */
export function needsHealthCheckNodePort({ spec }: Service): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

/** True if traffic may come from outside the cluster (service-api S11). */
export function isExternallyAccessible({ spec }: Service): boolean {
  if (spec.type === "LoadBalancer" || spec.type === "NodePort") return true;
  return spec.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0;
}
