/** The userspace data plane: Node's sockets in the place of kernel rules. Works without root; what it cannot do is in the README. */
import { networkInterfaces } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { canonicalIp, type IpFamily } from "../../../net/ip.ts";
import { endpointText, type ServicePort } from "../../state.ts";
import type { Changes, DataPlane, FamilyReport, Report, Settings } from "../port.ts";
import { type Chooser, createChooser } from "./choice.ts";
import { LoopbackAddresses } from "./loopback.ts";
import { type Context, type Listener, listenerKey } from "./model.ts";
import { type OpenListener, openListener } from "./open-listener.ts";
import { renderPort } from "./render.ts";
import { openVipAddresses, type VipAddresses } from "./vip-addresses.ts";

/** Where a Service port can be reached; as `GET /services` shows it. */
export interface ServiceAddress {
  /** e.g. "default/web". */
  readonly service: string;
  /** e.g. "default/web:http/TCP/IPv4". */
  readonly name: string;
  readonly protocol: "TCP" | "UDP";
  /** The Service's address that this one stands for; absent for a node port. */
  readonly vip?: string;
  /** The Service's port, or the node port. */
  readonly port: number;
  readonly address: string;
  /** Other than `port` when an ordinary user may not listen there. */
  readonly listenPort: number;
}

export interface UserspaceOptions {
  /** Default: Math.random. */
  readonly random?: () => number;
  /**
   * "loopback": a clusterIP stands behind a loopback address, node ports are on 127.0.0.1. "network": the node gets all of
   * the Services' addresses, node ports are on all of the node's. Default: "network" for who may change the network.
   */
  readonly reach?: "loopback" | "network";
}

export interface UserspaceDataPlane extends DataPlane {
  /** Sorted by name. */
  services(): readonly ServiceAddress[];
}

const retryMs = 5_000;
const families: readonly IpFamily[] = ["IPv4", "IPv6"];

export function createUserspaceDataPlane(options: UserspaceOptions = {}): UserspaceDataPlane {
  return new Userspace(options);
}

type Counts = Record<IpFamily, { added: number; removed: number }>;

class Userspace implements UserspaceDataPlane {
  readonly mode = "userspace";
  readonly families = families;
  /** Where each Service is, and the listeners that could not be opened. */
  readonly pages = {
    "/services": () => `${JSON.stringify({ services: this.services(), failed: [...this.#failed.keys()].sort() })}\n`,
  };
  readonly #nodePorts: Context["nodePorts"];
  readonly #vips: VipAddresses | undefined;
  readonly #chooser: Chooser;
  readonly #loopback = new LoopbackAddresses();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  #settings: Settings | undefined;
  #own: ReadonlySet<string> = new Set();
  readonly #open = new Map<string, OpenListener>();
  /** Listeners that could not be opened. */
  readonly #failed = new Map<string, Listener>();
  /** Closed listeners whose TCP connections go on. */
  #retired: OpenListener[] = [];
  #nextRetryAt = 0;
  #isClosed = false;

  constructor({ random = Math.random, reach }: UserspaceOptions) {
    this.#vips = reach === "loopback" ? undefined : openVipAddresses();
    if (reach === "network" && !this.#vips)
      throw new Error("Cannot give the node the Services' addresses: not permitted");
    this.#nodePorts = this.#vips ? "all" : "loopback";
    const context = () => this.#context();
    this.#chooser = createChooser({ random, now: () => performance.now(), context });
  }

  /** A former process's sockets went with it; the Services' addresses may be there. */
  async adopt(): Promise<Record<string, string | number>> {
    return this.#vips ? { reach: "network", addresses: this.#vips.adopted } : { reach: "loopback" };
  }

  async sync({ services, full, settings }: Changes): Promise<Report> {
    if (full) for (const service of this.#ports.keys()) if (!services.has(service)) this.#setPorts(service, []);
    for (const [service, ports] of services) this.#setPorts(service, ports);
    if (settings) this.#settings = settings;
    return this.#apply();
  }

  /** Opens what could not be opened before, and follows the machine's addresses. */
  async verify(): Promise<Report | undefined> {
    if (!this.#settings) return undefined;
    const isRetry = this.#failed.size > 0 && performance.now() >= this.#nextRetryAt;
    if (!isRetry && isDeepStrictEqual(ownAddresses(), this.#own)) return undefined;
    const failedBefore = this.#failed.size;
    const report = await this.#apply();
    const isSame = report.families.every(({ added, removed }) => added + removed === 0);
    return isSame && this.#failed.size === failedBefore ? undefined : report;
  }

  /** Ends the connections too. */
  async remove(): Promise<void> {
    const all = [...this.#open.values(), ...this.#retired];
    this.#open.clear();
    this.#failed.clear();
    this.#retired = [];
    for (const { socket } of all) socket.cut();
    await Promise.all(all.map(({ socket }) => socket.close()));
    const vips = this.#isClosed && this.#vips ? openVipAddresses() : this.#vips;
    vips?.remove();
    if (this.#isClosed) vips?.close();
  }

  /** The sockets go with the process at the latest; the node keeps the addresses for the next one. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const all = [...this.#open.values(), ...this.#retired];
    this.#open.clear();
    this.#retired = [];
    for (const { socket } of all) {
      socket.cut();
      void socket.close();
    }
    this.#vips?.close();
  }

  services(): readonly ServiceAddress[] {
    const found = [...this.#open.values()].map(
      ({ listener: { target, protocol, vip, port, address }, listenPort }): ServiceAddress => ({
        service: target.service,
        name: target.name,
        protocol,
        ...(vip === undefined ? {} : { vip }),
        port,
        address,
        listenPort,
      }),
    );
    return found.sort((a, b) => (a.name === b.name ? a.port - b.port : a.name < b.name ? -1 : 1));
  }

  #context(): Context {
    if (!this.#settings) throw new Error("The first sync has no settings");
    const loopbackOf = (vip: string) => this.#loopback.of(vip);
    return { settings: this.#settings, own: this.#own, loopbackOf, nodePorts: this.#nodePorts };
  }

  #setPorts(service: string, ports: readonly ServicePort[]): void {
    const vips = new Set(ports.flatMap((port) => port.vips.map(({ address }) => address)));
    const names = new Set(ports.map(({ name }) => name));
    for (const port of this.#ports.get(service) ?? []) {
      for (const { address } of port.vips) if (!vips.has(address)) this.#loopback.free(address);
      if (!names.has(port.name)) this.#chooser.retain(port.name, undefined);
    }
    for (const port of ports) {
      const endpoints = [...port.clusterEndpoints, ...port.localEndpoints].map(endpointText);
      this.#chooser.retain(port.name, new Set(endpoints));
    }
    if (ports.length > 0) this.#ports.set(service, ports);
    else this.#ports.delete(service);
  }

  /** First everybody's new endpoints, then what closes (its port may be wanted at once by another), then what opens. */
  async #apply(): Promise<Report> {
    const start = performance.now();
    const error = this.#assignVips();
    this.#own = ownAddresses();
    const context = this.#context();
    const wanted = new Map<string, Listener>();
    const unsupported = new Set<string>();
    for (const port of [...this.#ports.values()].flat()) {
      if (port.protocol === "SCTP") unsupported.add(port.service);
      for (const listener of renderPort(port, context)) wanted.set(listenerKey(listener), listener);
    }
    const counts: Counts = { IPv4: { added: 0, removed: 0 }, IPv6: { added: 0, removed: 0 } };
    await this.#closeOthers(wanted, counts);
    await this.#openMissing(wanted, counts);
    const refused = [...unsupported, ...[...this.#failed.values()].map(({ target }) => target.service)];
    const durationMs = performance.now() - start;
    return {
      families: families.map((family): FamilyReport => {
        const ofFamily = refused.filter((service) => this.#ports.get(service)?.some((port) => port.family === family));
        const report = { family, ...counts[family], kernelMs: 0, durationMs, refused: [...new Set(ofFamily)].sort() };
        return error ? { ...report, error } : report;
      }),
    };
  }

  #assignVips(): Error | undefined {
    const vips = [...this.#ports.values()].flat().flatMap((port) => port.vips.map(({ address }) => address));
    try {
      this.#vips?.set(new Set(vips));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #closeOthers(wanted: ReadonlyMap<string, Listener>, counts: Counts): Promise<void> {
    const closing: Promise<void>[] = [];
    for (const [key, open] of this.#open) {
      const listener = wanted.get(key);
      if (listener) {
        open.listener = listener;
        open.socket.retarget(listener.target);
        continue;
      }
      this.#open.delete(key);
      this.#retired = [...this.#retired.filter(({ socket }) => socket.isBusy), open];
      counts[familyOf(open.listener)].removed++;
      closing.push(open.socket.close());
    }
    await Promise.all(closing);
  }

  async #openMissing(wanted: ReadonlyMap<string, Listener>, counts: Counts): Promise<void> {
    this.#failed.clear();
    this.#nextRetryAt = performance.now() + retryMs;
    const isTaken = (listener: Listener, port: number): boolean => wanted.has(listenerKey({ ...listener, port }));
    const missing = [...wanted].filter(([key]) => !this.#open.has(key));
    await Promise.all(
      missing.map(async ([key, listener]) => {
        const open = await openListener(listener, { chooser: this.#chooser, isTaken });
        if (!open) {
          this.#failed.set(key, listener);
          return;
        }
        this.#open.set(key, open);
        counts[familyOf(listener)].added++;
      }),
    );
  }
}

/** Of the Service: an IPv6 clusterIP stands behind an IPv4 loopback address too. */
const familyOf = ({ target }: Listener): IpFamily => (target.name.endsWith("IPv6") ? "IPv6" : "IPv4");

function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // A link-local address means nothing without its link.
  const global = all.filter(({ scopeid }) => !scopeid);
  return new Set(global.map(({ address }) => canonicalIp(address) ?? address));
}
