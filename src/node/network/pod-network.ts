/** The sandboxes' network of one node: a bridge, and for each Pod a namespace with an address on it. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Node } from "../../api/object.ts";
import type { Log } from "../../lib/log.ts";
import { macOf } from "../../net/mac.ts";
import type { NetworkPort, PodRoute } from "../sandbox/port.ts";
import type { HostPort } from "./host-ports.ts";
import { type Addresses, IpAllocator } from "./ip-allocator.ts";

export interface Sandbox {
  readonly podUid: string;
  /** Path of the network namespace. */
  readonly path: string;
  /** One of each family of the cluster, the primary one first. */
  readonly ips: Addresses;
  readonly hostLink: string;
  /** Absent: none. */
  readonly hostPorts?: readonly HostPort[];
}

export interface PodNetworkOptions {
  readonly port: NetworkPort;
  readonly log: Log;
  readonly nodeIps: readonly string[];
  readonly podCidrs: readonly string[];
  readonly clusterCidrs: readonly string[];
  readonly mtu?: number | undefined;
  /** Where network namespaces are kept. */
  readonly namespaces: string;
  /** Where the sandboxes of this node are noted. */
  readonly directory: string;
}

const bridge = "cni0";
const defaultMtu = 1500;

/** The kernel takes 15 bytes; the node's Pods are told apart by 11 digits of their uid's hash. */
export function hostLinkName(podUid: string): string {
  return `veth${createHash("sha256").update(podUid).digest("hex").slice(0, 11)}`;
}

/** For each other node that has Pods one route in each family, by its address of that family. */
export function podRoutes(nodes: Iterable<Node>, self: string): PodRoute[] {
  return [...nodes].flatMap(({ metadata, spec, status }) => {
    if (metadata.name === self) return [];
    const internal = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
    return (spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])).flatMap((destination) => {
      const gateway = internal.find(({ address }) => isIPv6(address) === destination.includes(":"))?.address;
      return gateway ? [{ destination, gateway }] : [];
    });
  });
}

export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #addresses: IpAllocator;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #mtu: number;

  /** Makes the bridge, and takes over the sandboxes that a former agent made. */
  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#addresses = new IpAllocator(options.podCidrs);
    this.#mtu = options.mtu ?? options.port.mtuOf(options.nodeIps[0] ?? "") ?? defaultMtu;
    mkdirSync(options.directory, { recursive: true });
    const { gateways } = this.#addresses;
    const addresses = this.#addresses.withPrefix(gateways);
    options.port.setUpNode({ bridge, addresses, mac: macOf(gateways[0] ?? ""), mtu: this.#mtu });
    for (const sandbox of this.#readNotes()) {
      this.#sandboxes.set(sandbox.podUid, sandbox);
      this.#addresses.take(sandbox.ips);
      if (!options.port.sandboxExists(sandbox.path)) this.remove(sandbox.podUid);
    }
    this.#sweepLinks();
    this.#setHostPorts();
  }

  get(podUid: string): Sandbox | undefined {
    return this.#sandboxes.get(podUid);
  }

  list(): readonly Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  /** Throws an Error with one sentence. */
  create(podUid: string, hostPortsOf: (ips: readonly string[]) => readonly HostPort[] = () => []): Sandbox {
    const present = this.#sandboxes.get(podUid);
    if (present) {
      // Whoever asks again may have been told of a failure before.
      if (present.hostPorts) this.#setHostPorts();
      return present;
    }
    const ips = this.#addresses.allocate();
    if (ips === undefined) {
      throw new Error(`no address is left in ${this.#options.podCidrs.join(", ")}, the range of this node's Pods`);
    }
    const path = join(this.#options.namespaces, `pod-${podUid}`);
    const hostPorts = hostPortsOf(ips);
    const named = { podUid, path, ips, hostLink: hostLinkName(podUid) };
    const sandbox: Sandbox = hostPorts.length > 0 ? { ...named, hostPorts } : named;
    const { gateways } = this.#addresses;
    // Noted first: whatever happens next, the following agent knows of it.
    writeFileSync(this.#note(podUid), JSON.stringify(sandbox));
    try {
      this.#options.port.createSandbox({
        ...{ path, hostLink: sandbox.hostLink, bridge, gateways, mtu: this.#mtu },
        addresses: this.#addresses.withPrefix(ips),
        mac: macOf(ips[0] ?? ""),
      });
    } catch (error) {
      this.#addresses.release(ips);
      rmSync(this.#note(podUid), { force: true });
      throw error;
    }
    this.#sandboxes.set(podUid, sandbox);
    if (sandbox.hostPorts) this.#setHostPorts();
    return sandbox;
  }

  /** No error when there is none. */
  remove(podUid: string): void {
    const sandbox = this.#sandboxes.get(podUid);
    if (!sandbox) return;
    this.#options.port.deleteSandbox(sandbox);
    this.#sandboxes.delete(podUid);
    this.#addresses.release(sandbox.ips);
    rmSync(this.#note(podUid), { force: true });
    if (sandbox.hostPorts) this.#setHostPorts();
  }

  setRoutes(routes: readonly PodRoute[]): void {
    this.#options.port.setPodRoutes(routes, { within: this.#options.clusterCidrs });
  }

  #setHostPorts(): void {
    this.#options.port.setHostPorts(this.list().flatMap(({ hostPorts = [] }) => hostPorts));
  }

  #note(podUid: string): string {
    return join(this.#options.directory, `${podUid}.json`);
  }

  #readNotes(): Sandbox[] {
    return readdirSync(this.#options.directory).flatMap((name) => {
      try {
        return JSON.parse(readFileSync(join(this.#options.directory, name), "utf8")) as Sandbox;
      } catch {
        // Half written: the namespace was not made yet.
        rmSync(join(this.#options.directory, name), { force: true });
        return [];
      }
    });
  }

  #sweepLinks(): void {
    const known = new Set(this.list().map(({ hostLink }) => hostLink));
    for (const link of this.#options.port.listHostLinks(bridge)) {
      if (known.has(link)) continue;
      this.#options.log.info("leftover link removed", { link });
      this.#options.port.deleteHostLink(link);
    }
  }
}
