/** The forwarding state: what each Service port means on this node, as plain data that no data plane has to interpret further. */
import type { IpFamily } from "../net/ip.ts";
import type { Endpoints } from "./endpoints.ts";

export type Protocol = "TCP" | "UDP" | "SCTP";

export interface Endpoint {
  /** Canonical text, e.g. "10.244.1.11". */
  readonly ip: string;
  readonly port: number;
  /** It runs on this node. */
  readonly local: boolean;
  /** The slice names no node for it: it may run anywhere, here too. Never together with `local`. */
  readonly unplaced: boolean;
}

/** An address that stands for the Service. */
export interface Vip {
  readonly address: string;
  readonly role: "clusterIP" | "externalIP" | "loadBalancerIP";
}

/**
 * Where new connections go: to any of `clusterEndpoints`, only to `localEndpoints`, nowhere with an answer ("reject": there is
 * no endpoint anywhere) or nowhere in silence ("drop": the policy is Local and the endpoints are elsewhere).
 */
export type Route = "cluster" | "local" | "reject" | "drop";

/** One port of one Service in one address family. */
export interface ServicePort {
  /** Unique, e.g. "default/web:http/TCP/IPv4". */
  readonly name: string;
  /** e.g. "default/web". */
  readonly service: string;
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly port: number;
  readonly vips: readonly Vip[];
  /** 0: none. */
  readonly nodePort: number;
  /** Of the clusterIP. */
  readonly internal: Route;
  /**
   * Of the other VIPs and the node port. "local" and "drop" are for clients outside: Pods and processes of this node reach
   * the cluster endpoints all the same (externalTrafficPolicy in the Service's field docs).
   */
  readonly external: Route;
  /** Empty where no route needs them, as `localEndpoints`. */
  readonly clusterEndpoints: Endpoints;
  readonly localEndpoints: Endpoints;
  /** Seconds a client stays with its endpoint after its last connection; 0 is no affinity. */
  readonly affinitySec: number;
  /** CIDRs of clients that may use load-balancer IPs; empty is all. e.g. ["192.168.50.0/24"] */
  readonly sourceRanges: readonly string[];
  /** Of UDP: "ip:port" of every endpoint that serves, chosen here or not; flows to others are stale. */
  readonly serving: readonly string[];
}

/** What the proxy must know of its node. */
export interface NodeFacts {
  readonly name: string;
  /** Label topology.kubernetes.io/zone. */
  readonly zone: string | undefined;
  /** Addresses of the node, primary first in each family, e.g. ["172.18.0.2"]. */
  readonly addresses: readonly string[];
  /** Its Pods' blocks (spec.podCIDRs). */
  readonly podCidrs: readonly string[];
}

/** e.g. "10.0.0.1:80", "[fd00::1]:80". */
export function endpointText({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
