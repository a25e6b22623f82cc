/** Announces addresses by host routes to a ready node, in the network namespace that it runs in (`fairlead up`). */
import type { EndpointSlice, Node, Service } from "../api/object.ts";
import { endpointSlices, nodes } from "../api/resource.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/events.ts";
import { createInformer } from "../client/informer.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createWorkQueue } from "../lib/work-queue.ts";
import { parseIp } from "../net/ip.ts";
import type { Announcer } from "./announcer.ts";
import { chooseNode, eligibleNodes } from "./choose-node.ts";

/** The part of the kernel that is needed; changes are idempotent. */
export interface RoutePort {
  /** Adds the route, or replaces the one to the same destination. E.g. "172.18.255.200/32", "172.18.0.2". */
  addRoute(destination: string, via: string): Promise<void>;
  /** Removes the route; that there is none is no error. */
  removeRoute(destination: string): Promise<void>;
  /** Destinations of the routes that lead to another host, e.g. ["172.18.255.200/32"]. */
  routes(): Promise<readonly string[]>;
}

export interface RouteAnnouncerOptions {
  readonly client: ApiClient;
  readonly routes: RoutePort;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

interface Announced {
  readonly service: Service;
  /** Node and its address that the route leads to; undefined: no node could take it yet. */
  readonly route: { readonly node: string; readonly via: string } | undefined;
}

const serviceIndex = "service";
const noNodes = "There are no available nodes for LoadBalancer";

function serviceOf({ metadata }: EndpointSlice): string[] {
  const name = metadata.labels?.["kubernetes.io/service-name"];
  return name ? [`${metadata.namespace}/${name}`] : [];
}

function destinationOf(address: string): string {
  return `${address}/${parseIp(address)?.family === "IPv6" ? 128 : 32}`;
}

/** Follows nodes and endpoints until `signal` aborts: a route whose node can take it no more moves to one that can. */
export function createRouteAnnouncer(options: RouteAnnouncerOptions): Announcer {
  return new RouteAnnouncer(options);
}

class RouteAnnouncer implements Announcer {
  readonly #options: RouteAnnouncerOptions;
  readonly #events: EventRecorder;
  readonly #nodes: Informer<Node>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #announced = new Map<string, Announced>();
  /** Route changes follow each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RouteAnnouncerOptions) {
    const { client, log, signal, clock = systemClock } = options;
    this.#options = options;
    this.#events = createEventRecorder(client, { component: "fairlead-lb", log, clock });
    this.#nodes = createInformer(client, nodes, { log, signal, clock });
    const indexes = { [serviceIndex]: serviceOf };
    this.#slices = createInformer(client, endpointSlices, { log, signal, clock, indexes });
    const queue = createWorkQueue({ reconcile: (address) => this.#refresh(address), clock, log, signal });
    const refreshAll = (): void => {
      for (const address of this.#announced.keys()) queue.add(address);
    };
    this.#nodes.onChange(refreshAll);
    this.#slices.onChange(({ object }) => {
      for (const [address, { service }] of this.#announced) {
        if (serviceOf(object)[0] === `${service.metadata.namespace}/${service.metadata.name}`) queue.add(address);
      }
    });
  }

  async announce(address: string, { service }: { service: Service }): Promise<void> {
    await Promise.all([this.#nodes.synced, this.#slices.synced]);
    await this.#inTurn(() => this.#settle(address, { service, route: this.#announced.get(address)?.route }));
  }

  async withdraw(address: string): Promise<void> {
    await this.#inTurn(async () => {
      await this.#options.routes.removeRoute(destinationOf(address));
      this.#announced.delete(address);
    });
  }

  async left(): Promise<readonly string[]> {
    const destinations = await this.#options.routes.routes();
    return destinations.flatMap((destination) => {
      const address = destination.slice(0, destination.indexOf("/"));
      return destination === destinationOf(address) ? [address] : [];
    });
  }

  async #refresh(address: string): Promise<undefined> {
    await this.#inTurn(async () => {
      const announced = this.#announced.get(address);
      if (announced) await this.#settle(address, announced);
    });
  }

  async #settle(address: string, { service, route }: Announced): Promise<void> {
    this.#announced.set(address, { service, route });
    const slices = this.#slices.byIndex(serviceIndex, `${service.metadata.namespace}/${service.metadata.name}`);
    const family = parseIp(address)?.family ?? "IPv4";
    const eligible = eligibleNodes([...this.#nodes.list()], { family, service, slices });
    const others = [...this.#announced.values()].flatMap((other) => other.route?.node ?? []);
    const chosen = chooseNode(eligible, { current: route?.node, others });
    if (!chosen && !route) this.#tell(service, "Warning", "UnAvailableLoadBalancer", noNodes);
    // Without a better one the old route stays: the node may still forward.
    if (!chosen || (chosen.name === route?.node && chosen.address === route.via)) return;
    await this.#options.routes.addRoute(destinationOf(address), chosen.address);
    this.#announced.set(address, { service, route: { node: chosen.name, via: chosen.address } });
    this.#options.log.info("load balancer address routed", { address, node: chosen.name });
    if (route) this.#tell(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts");
  }

  #tell(service: Service, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#events.record(service, { type, reason, message });
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }
}
