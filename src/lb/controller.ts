/** Gives Services of type LoadBalancer their addresses: status, Events and announcements follow the allocation. */
import { objectKey, type Service } from "../api/object.ts";
import { services } from "../api/resource.ts";
import { type ApiClient, type Informer, isConflict, isNotFound } from "../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../client/events.ts";
import { createInformer } from "../client/informer.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createWorkQueue, type WorkQueue } from "../lib/work-queue.ts";
import { parseIp } from "../net/ip.ts";
import { type IpRange, rangeContains } from "../net/ip-range.ts";
import type { Announcer } from "./announcer.ts";
import { assignedTo, demandOf, finalizersOf, isHeld, isOurs, patchOfAddresses, stateOf } from "./demand.ts";
import { allocate } from "./pools.ts";

export interface LoadBalancerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** From `parsePools`. */
  readonly pools: readonly IpRange[];
  readonly announcer: Announcer;
  /** Serves the Services of this class instead of those without one. */
  readonly loadBalancerClass?: string;
}

/** Service-api S125: as Kubernetes' service controller waits. */
const retry = { initialMs: 5000, maxMs: 300_000 };

export interface LoadBalancer {
  /** Resolves when the Services were read and the addresses that they have are known. */
  readonly synced: Promise<void>;
  /** Resolves when nothing is queued or being worked on. */
  idle(): Promise<void>;
}

/** Runs until `signal` aborts; announcements stay then, so that a restart interrupts nobody. */
export function startLoadBalancer(options: LoadBalancerOptions): LoadBalancer {
  return new Controller(options);
}

class Controller implements LoadBalancer {
  readonly synced: Promise<void>;
  readonly #options: LoadBalancerOptions;
  readonly #informer: Informer<Service>;
  readonly #queue: WorkQueue;
  readonly #events: EventRecorder;
  /** Address → the Service that has it. */
  readonly #holders = new Map<string, string>();
  /** Service → its addresses, newest allocation. */
  readonly #held = new Map<string, readonly string[]>();
  /** Service → addresses that are announced for it; more than held while they change. */
  readonly #announced = new Map<string, Set<string>>();
  /** Service → why it does not have what it asks for; tried again when an address becomes free. */
  readonly #problems = new Map<string, string>();

  constructor(options: LoadBalancerOptions) {
    const { client, log, signal, clock = systemClock } = options;
    this.#options = options;
    this.#informer = createInformer(client, services, { log, signal, clock });
    this.#events = createEventRecorder(client, { component: "fairlead-lb", log, clock });
    this.#queue = createWorkQueue({
      reconcile: (key) => this.#reconcile(key),
      clock,
      log,
      signal,
      backoff: retry,
      isExpected: (error) => isConflict(error) || isNotFound(error),
    });
    this.synced = this.#informer.synced.then(() => this.#begin());
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Addresses in use are taken before any is given away; of two Services with the same one, the older keeps it. */
  #begin(): void {
    const { loadBalancerClass, pools } = this.#options;
    const ours = [...this.#informer.list()].filter((service) => isOurs(service, loadBalancerClass));
    for (const service of ours.sort(byAge)) {
      const key = objectKey(service);
      const demand = { ...demandOf(service, undefined), requested: undefined };
      const kept = allocate({ pools, holders: this.#holders }, demand).addresses;
      const present = assignedTo(service);
      this.#hold(
        key,
        kept.filter((address) => present.includes(address)),
      );
    }
    this.#informer.onChange(({ object }) => this.#queue.add(objectKey(object)));
    void this.#sweep();
  }

  /** Services may have been deleted while nobody looked: what is announced for none of those there are is taken back. */
  async #sweep(): Promise<void> {
    const { announcer, pools, log } = this.#options;
    try {
      for (const address of (await announcer.left?.()) ?? []) {
        const ip = parseIp(address);
        const isOurs = ip !== undefined && pools.some((pool) => rangeContains(pool, ip));
        if (!isOurs || this.#holders.has(address)) continue;
        await announcer.withdraw(address);
        log.info("address of a Service that is gone is withdrawn", { address });
      }
    } catch (error) {
      log.warn("cannot withdraw addresses of Services that are gone", { error });
    }
  }

  async #reconcile(key: string): Promise<undefined> {
    const service = this.#informer.get(key);
    const state = service && stateOf(service, this.#options.loadBalancerClass);
    if (service && state === "balanced") {
      await this.#orReport(service, "SyncLoadBalancerFailed", () => this.#serve(key, service));
    } else if (service && state === "not balanced" && isHeld(service)) {
      await this.#orReport(service, "DeleteLoadBalancerFailed", () => this.#cleanUp(key, service));
    } else {
      this.#problems.delete(key);
      await this.#withdraw(key, []);
      if (service && state === "not balanced") await this.#writeAddresses(service, []);
    }
  }

  async #serve(key: string, service: Service): Promise<void> {
    const before = this.#held.get(key);
    const demand = demandOf(service, before);
    const { addresses, problem } = allocate({ pools: this.#options.pools, holders: this.#holders }, demand);
    const freed = (before ?? []).filter((address) => !addresses.includes(address));
    // What it gives up stays its own until it is withdrawn.
    this.#hold(key, [...addresses, ...freed]);
    this.#report(key, service, problem);
    const isNew = freed.length > 0 || addresses.some((address) => !assignedTo(service).includes(address));
    if (isNew) this.#tell(service, "EnsuringLoadBalancer", "Ensuring load balancer");
    await this.#setHeld(service, true);
    for (const address of addresses) await this.#announce(key, address, service);
    const written = await this.#writeAddresses(service, addresses);
    if (written && addresses.length > 0) this.#tell(service, "IPAllocated", `Assigned IP ${addresses.join(", ")}`);
    await this.#withdraw(key, addresses);
    if (isNew) this.#tell(service, "EnsuredLoadBalancer", "Ensured load balancer");
  }

  /** In this order: whoever waits for the Service to be gone finds its addresses free and without a route. */
  async #cleanUp(key: string, service: Service): Promise<void> {
    this.#problems.delete(key);
    this.#tell(service, "DeletingLoadBalancer", "Deleting load balancer");
    // Of a former process nothing else is known.
    const left = assignedTo(service).filter((address) => !this.#holders.has(address));
    this.#hold(key, [...(this.#held.get(key) ?? []), ...left]);
    await this.#withdraw(key, []);
    await this.#writeAddresses(service, []);
    await this.#setHeld(service, false);
    this.#tell(service, "DeletedLoadBalancer", "Deleted load balancer");
  }

  async #orReport(service: Service, reason: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) {
        const message = `Error syncing load balancer: ${error instanceof Error ? error.message : String(error)}`;
        this.#events.record(service, { type: "Warning", reason, message });
      }
      throw error;
    }
  }

  #tell(service: Service, reason: string, message: string): void {
    this.#events.record(service, { type: "Normal", reason, message });
  }

  /** Before anything is announced: from then on the Service waits for the clean-up. */
  async #setHeld(service: Service, held: boolean): Promise<void> {
    if (isHeld(service) === held) return;
    const { name, namespace = "", resourceVersion } = service.metadata;
    const metadata = { resourceVersion, finalizers: finalizersOf(service, held) };
    await this.#options.client.patch(services, { name, namespace }, { metadata }, { type: "merge" });
  }

  /** Announced before it is in the status: whoever reads it there can use it. */
  async #announce(key: string, address: string, service: Service): Promise<void> {
    await this.#options.announcer.announce(address, { service });
    const announced = this.#announced.get(key) ?? new Set();
    this.#announced.set(key, announced.add(address));
  }

  /** True if they were not there. */
  async #writeAddresses(service: Service, addresses: readonly string[]): Promise<boolean> {
    const patch = patchOfAddresses(service, addresses);
    if (!patch) return false;
    const { name, namespace = "" } = service.metadata;
    await this.#options.client.patch(services, { name, namespace }, patch, { type: "merge", subresource: "status" });
    this.#options.log.info("load balancer addresses written", { service: objectKey(service), addresses });
    return true;
  }

  /** Withdraws and frees all addresses of `key` but `kept`; those who wait for one are tried again. */
  async #withdraw(key: string, kept: readonly string[]): Promise<void> {
    const known = new Set([...(this.#announced.get(key) ?? []), ...(this.#held.get(key) ?? [])]);
    for (const address of known) {
      if (kept.includes(address)) continue;
      await this.#options.announcer.withdraw(address);
      this.#announced.get(key)?.delete(address);
    }
    const freed = (this.#held.get(key) ?? []).length > kept.length;
    this.#hold(key, kept);
    if (freed) for (const waiting of this.#problems.keys()) this.#queue.add(waiting);
  }

  #hold(key: string, addresses: readonly string[]): void {
    for (const address of this.#held.get(key) ?? []) {
      if (!addresses.includes(address)) this.#holders.delete(address);
    }
    for (const address of addresses) this.#holders.set(address, key);
    if (addresses.length > 0) this.#held.set(key, addresses);
    else this.#held.delete(key);
    if (this.#announced.get(key)?.size === 0) this.#announced.delete(key);
  }

  #report(key: string, service: Service, problem: string | undefined): void {
    if (problem === undefined) {
      this.#problems.delete(key);
      return;
    }
    if (this.#problems.get(key) === problem) return;
    this.#problems.set(key, problem);
    const message = `Error syncing load balancer: failed to ensure load balancer: ${problem}`;
    this.#events.record(service, { type: "Warning", reason: "SyncLoadBalancerFailed", message });
    this.#options.log.warn("load balancer address not assigned", { service: key, problem });
  }
}

function byAge(a: Service, b: Service): number {
  const [one, other] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${objectKey({ metadata })}`);
  return (one ?? "") < (other ?? "") ? -1 : 1;
}
