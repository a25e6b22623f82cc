/**
 * Health checks for external load balancers: a Service of type LoadBalancer with externalTrafficPolicy Local has a port on
 * every node (spec.healthCheckNodePort) that says whether this node has an endpoint to send to.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { EndpointSlice, Service } from "../api/object.ts";
import { canonicalIp } from "../net/ip.ts";

export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Distinct addresses of ready endpoints on this node. */
  readonly localEndpoints: number;
}

/** Undefined for a Service that has none. Terminating endpoints do not count: the balancer should go elsewhere while they are still served. */
export function healthCheckOf(
  { metadata, spec }: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
): HealthCheck | undefined {
  const port = spec.healthCheckNodePort ?? 0;
  if (spec.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local" || port === 0) return undefined;
  const family = spec.ipFamilies?.[0] ?? (spec.clusterIP?.includes(":") ? "IPv6" : "IPv4");
  const local = slices
    .filter(({ addressType }) => addressType === family)
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ nodeName: at, conditions }) => at === nodeName && (conditions?.ready ?? true))
    .map(({ addresses }) => canonicalIp(addresses?.[0] ?? ""))
    .filter((ip) => ip !== undefined);
  return { namespace: metadata.namespace ?? "", name: metadata.name, port, localEndpoints: new Set(local).size };
}

export interface HealthCheckOptions {
  /** The proxy keeps up with changes. */
  readonly isHealthy: () => boolean;
  /** A port cannot be listened on. */
  readonly onFailure: (service: string, error: Error) => void;
}

/** One listener for each Service, on all addresses. */
export class HealthCheckServers {
  readonly #options: HealthCheckOptions;
  readonly #servers = new Map<string, { check: HealthCheck; readonly server: Server }>();

  constructor(options: HealthCheckOptions) {
    this.#options = options;
  }

  /** Replaces the Service's check; undefined closes it. */
  set(service: string, check: HealthCheck | undefined): void {
    const present = this.#servers.get(service);
    if (present && present.check.port === check?.port) {
      present.check = check;
      return;
    }
    if (present) {
      present.server.close();
      this.#servers.delete(service);
    }
    if (check) this.#open(service, check);
  }

  close(): void {
    for (const service of [...this.#servers.keys()]) this.set(service, undefined);
  }

  #open(service: string, check: HealthCheck): void {
    const entry = { check, server: createServer((_request, response) => this.#answer(entry.check, response)) };
    entry.server.on("error", (error) => {
      // The next change of the Service tries again.
      if (this.#servers.get(service) === entry) this.#servers.delete(service);
      this.#options.onFailure(service, error);
    });
    entry.server.listen(check.port);
    entry.server.unref();
    this.#servers.set(service, entry);
  }

  /** The same for every path and method. */
  #answer({ namespace, name, localEndpoints }: HealthCheck, response: ServerResponse): void {
    const serviceProxyHealthy = this.#options.isHealthy();
    response.writeHead(serviceProxyHealthy && localEndpoints > 0 ? 200 : 503, {
      "Content-Type": "application/json",
      "X-Content-Type-Options": "nosniff",
      "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
      Connection: "close",
    });
    response.end(JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy }));
  }
}
