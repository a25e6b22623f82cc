/** What a Service's type and policies make it need. */
import type { Service } from "../object.ts";

/** No virtual IP: names resolve to the endpoints themselves. */
export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === "None";
}

/** All types but ExternalName have addresses of the cluster ("None" counts). */
export function needsClusterIp({ spec }: Service): boolean {
  return spec.type !== "ExternalName";
}

export const trafficPolicies = ["Cluster", "Local"];

/** NodePort and LoadBalancer may have node ports. */
export function isExposed({ spec }: Service): boolean {
  return spec.type === "NodePort" || spec.type === "LoadBalancer";
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
export function isExternallyAccessible(service: Service): boolean {
  const { type, externalIPs = [] } = service.spec;
  return isExposed(service) || (type === "ClusterIP" && externalIPs.length > 0);
}
