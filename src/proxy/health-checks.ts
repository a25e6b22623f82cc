/**
 * Health checks for external load balancers: a Service of type LoadBalancer with externalTrafficPolicy Local has a port on
 * every node (spec.healthCheckNodePort) that says whether this node has an endpoint to send to.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import type { Service } from "../api/object.ts";
import { piecesOf } from "../kernel/nftables/values.ts";
import { type Cidr, cidrContains } from "../net/cidr.ts";
import { familyOf, type IpFamily, parseIp } from "../net/ip.ts";
import { isReady } from "./endpoints.ts";
import type { PackedSlice, Traits } from "./packed-slice.ts";

export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Distinct addresses of ready endpoints on this node, in each family that the Service has. */
  readonly localEndpoints: Readonly<Partial<Record<IpFamily, number>>>;
}

/** Undefined for a Service that has none. Terminating endpoints do not count: the balancer should go elsewhere while they are still served. */
export function healthCheckOf(
  { metadata, spec }: Service,
  slices: readonly PackedSlice[],
  nodeName: string,
): HealthCheck | undefined {
  const port = spec.healthCheckNodePort ?? 0;
  if (spec.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local" || port === 0) return undefined;
  const clusterIps = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ""];
  const families = clusterIps.map(familyOf).filter((family) => family !== undefined);
  const localEndpoints = Object.fromEntries(families.map((family) => [family, countLocal(slices, family, nodeName)]));
  return { namespace: metadata.namespace ?? "", name: metadata.name, port, localEndpoints };
}

function countLocal(slices: readonly PackedSlice[], family: IpFamily, nodeName: string): number {
  const isCounted = (one: Traits | undefined) => one?.nodeName === nodeName && isReady(one);
  const local = slices
    .filter(({ addressType }) => addressType === family)
    .flatMap(({ addresses, width, traits }) => piecesOf(addresses, width).filter((_, at) => isCounted(traits[at])));
  return new Set(local).size;
}

export interface HealthCheckOptions {
  /** The proxy keeps up with changes. */
  readonly isHealthy: () => boolean;
  /** A port cannot be listened on; it is tried again. */
  readonly onFailure: (service: string, error: Error) => void;
  readonly now?: () => number;
}

/** How long an address that is taken is left alone. */
const retryMs = 5_000;

interface Listener {
  readonly server: Server;
  readonly port: number;
  failedAt: number | undefined;
}

/** Listeners for each Service and family, on all addresses, or on those that take node ports. */
export class HealthCheckServers {
  readonly #options: HealthCheckOptions;
  readonly #checks = new Map<string, HealthCheck>();
  /** By service and address. */
  readonly #listeners = new Map<string, Listener>();
  #blocks: readonly Cidr[] = [];

  constructor(options: HealthCheckOptions) {
    this.#options = options;
  }

  /** Replaces the Service's check; undefined closes it. */
  set(service: string, check: HealthCheck | undefined): void {
    if (check) this.#checks.set(service, check);
    else if (!this.#checks.delete(service)) return;
    this.#follow(service);
  }

  /** Blocks of the node's addresses that take node ports; none for a family: all of it. */
  setAddresses(blocks: readonly Cidr[]): void {
    this.#blocks = blocks;
    this.refresh();
  }

  /** Tries again what failed, and follows the node's addresses. */
  refresh(): void {
    for (const service of this.#checks.keys()) this.#follow(service);
  }

  close(): void {
    for (const service of [...this.#checks.keys()]) this.set(service, undefined);
  }

  #follow(service: string): void {
    const check = this.#checks.get(service);
    const families = check ? (Object.keys(check.localEndpoints) as IpFamily[]) : [];
    const wanted = new Map(
      families.flatMap((family) => this.#hosts(family).map((host) => [`${service} ${host}`, family])),
    );
    for (const [key, listener] of this.#listeners) {
      if (!key.startsWith(`${service} `) || (wanted.has(key) && listener.port === check?.port)) continue;
      listener.server.close();
      this.#listeners.delete(key);
    }
    if (!check) return;
    for (const [key, family] of wanted) {
      const present = this.#listeners.get(key);
      if (!present || this.#mayTryAgain(present)) this.#open(service, key, check.port, family as IpFamily);
    }
  }

  #now(): number {
    return (this.#options.now ?? performance.now.bind(performance))();
  }

  #mayTryAgain({ failedAt }: Listener): boolean {
    return failedAt !== undefined && this.#now() - failedAt >= retryMs;
  }

  #hosts(family: IpFamily): string[] {
    const blocks = this.#blocks.filter(({ ip, prefix }) => ip.family === family && prefix > 0);
    const isAll = blocks.length === 0 || this.#blocks.some(({ ip, prefix }) => ip.family === family && prefix === 0);
    if (isAll) return [family === "IPv4" ? "0.0.0.0" : "::"];
    const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    return own
      .map(({ address }) => address)
      .filter((address) => {
        const ip = parseIp(address);
        return ip !== undefined && blocks.some((block) => cidrContains(block, ip));
      });
  }

  #open(service: string, key: string, port: number, family: IpFamily): void {
    const server = createServer((_request, response) => this.#answer(service, family, response));
    const listener: Listener = { server, port, failedAt: undefined };
    server.on("error", (error) => {
      if (this.#listeners.get(key) !== listener) return;
      listener.failedAt = this.#now();
      this.#options.onFailure(service, error);
    });
    server.listen({ port, host: key.slice(service.length + 1), ipv6Only: family === "IPv6" });
    server.unref();
    this.#listeners.set(key, listener);
  }

  /** The same for every path and method; each family speaks of its own endpoints. */
  #answer(service: string, family: IpFamily, response: ServerResponse): void {
    const {
      namespace,
      name,
      localEndpoints: counts,
    } = this.#checks.get(service) ?? {
      namespace: "",
      name: "",
      localEndpoints: {},
    };
    const localEndpoints = counts[family] ?? 0;
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
