/** Keeps the objects that matter and recomputes only the Services that a change touched. */
import type { EndpointSlice, ObjectMeta, Service } from "../api/object.ts";
import { objectKey } from "../api/object.ts";
import { type Claim, Claims } from "./claims.ts";
import { computeService } from "./compute.ts";
import { type HealthCheck, healthCheckOf } from "./health-checks.ts";
import { type PackedSlice, packSlice } from "./packed-slice.ts";
import { headlessLabel, serviceNameLabel } from "./shapes.ts";
import type { NodeFacts, ServicePort } from "./state.ts";

/** New forwarding state by Service ("default/web"); an empty list: the Service is gone. */
export type ServiceChanges = ReadonlyMap<string, readonly ServicePort[]>;

export class Tracker {
  readonly #services = new Map<string, Service>();
  /** Service → its slices, by name; mostly it is one. */
  readonly #slices = new Map<string, readonly PackedSlice[]>();
  readonly #serviceOfSlice = new Map<string, string>();
  readonly #claims = new Claims();
  readonly #dirty = new Set<string>();
  /** Of them, what `prepare` has not looked at, and what it has computed. */
  readonly #fresh = new Set<string>();
  readonly #prepared = new Map<string, readonly ServicePort[]>();
  readonly #conflicts = new Map<string, readonly string[]>();
  #node: NodeFacts;

  constructor(node: NodeFacts) {
    this.#node = node;
  }

  get node(): NodeFacts {
    return this.#node;
  }

  serviceKeys(): Iterable<string> {
    return this.#services.keys();
  }

  /** Of those that belong to a Service. */
  sliceKeys(): Iterable<string> {
    return this.#serviceOfSlice.keys();
  }

  /** False when it is there in this version. */
  setService(service: Service): boolean {
    const key = objectKey(service);
    if (isSame(this.#services.get(key), service)) return false;
    this.#services.set(key, service);
    this.#touch(key);
    return true;
  }

  removeService(key: string): void {
    if (this.#services.delete(key)) this.#touch(key);
  }

  /** False when it is there in this version. One without the label that names its Service, or of a headless one, is as if it were not there. */
  setSlice(whole: EndpointSlice | PackedSlice): boolean {
    const key = objectKey(whole);
    const owner = ownerOf(whole);
    const before = this.#serviceOfSlice.get(key);
    if (before !== owner) this.removeSlice(key);
    if (owner === undefined) return before !== undefined;
    const { name } = whole.metadata;
    const known = this.#slicesOf(owner);
    if (known.some((slice) => slice.metadata.name === name && isSame(slice, whole))) return false;
    const slices = [...known.filter((slice) => slice.metadata.name !== name), packSlice(whole)];
    this.#slices.set(owner, slices.length > 1 ? slices.sort(byName) : slices);
    this.#serviceOfSlice.set(key, owner);
    this.#touch(owner);
    return true;
  }

  removeSlice(key: string): void {
    const owner = this.#serviceOfSlice.get(key);
    if (owner === undefined) return;
    this.#serviceOfSlice.delete(key);
    const slices = this.#slicesOf(owner).filter((slice) => objectKey(slice) !== key);
    if (slices.length > 0) this.#slices.set(owner, slices);
    else this.#slices.delete(owner);
    this.#touch(owner);
  }

  /** Returns true when everything must be computed again: the zone or an address changed. */
  setNode(node: NodeFacts): boolean {
    const changed = JSON.stringify(node) !== JSON.stringify(this.#node);
    this.#node = node;
    if (changed) for (const key of this.#services.keys()) this.#touch(key);
    return changed;
  }

  /** What the Service wants and another one has, each as a sentence. */
  conflicts(service: string): { readonly object: Service; readonly messages: readonly string[] } | undefined {
    const object = this.#services.get(service);
    const messages = this.#conflicts.get(service);
    return object && messages && { object, messages };
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  /** Of the Service as it is now. */
  healthCheck(service: string): HealthCheck | undefined {
    const object = this.#services.get(service);
    return object && healthCheckOf(object, this.#slicesOf(service), this.#node.name);
  }

  /** Work for a time of waiting: computes those that changed and are whole, as far as is known. `compute` takes it from here. */
  prepare(): void {
    for (const key of this.#fresh) {
      const service = this.#services.get(key);
      if (service && this.#isWhole(key))
        this.#prepared.set(key, computeService(service, this.#slicesOf(key), this.#node));
    }
    this.#fresh.clear();
  }

  /**
   * Recomputes what is dirty, and whoever won or lost an address by it; after this nothing is dirty. `wholeOnly`: only what has
   * come since the last call and is whole, as far as is known; the rest stays dirty.
   */
  compute({ wholeOnly = false } = {}): ServiceChanges {
    const changes = new Map<string, readonly ServicePort[]>();
    const computed = new Map<string, { ports: readonly ServicePort[]; claims: readonly Claim[] }>();
    const keys = wholeOnly ? this.#fresh : this.#dirty;
    for (const key of keys) {
      if (wholeOnly && !this.#isWhole(key)) continue;
      const service = this.#services.get(key);
      const ports =
        this.#prepared.get(key) ?? (service ? computeService(service, this.#slicesOf(key), this.#node) : []);
      const claims = ports.flatMap(claimsOf);
      computed.set(key, { ports, claims });
      const created = service?.metadata.creationTimestamp ?? "";
      // Sets visit what is added during the loop: those who won or lost a claim come later in it.
      for (const other of this.#claims.claim(key, created, claims)) keys.add(other);
    }
    for (const key of computed.keys()) this.#conflicts.delete(key);
    for (const [key, { ports, claims }] of computed) {
      const ownsAll = claims.every((claim) => this.#claims.owner(claim.key) === key);
      changes.set(key, ownsAll ? ports : ports.map((port) => this.#owned(port)));
    }
    for (const key of computed.keys()) this.#dirty.delete(key);
    this.#fresh.clear();
    this.#prepared.clear();
    return changes;
  }

  /** The state of all Services, computed anew. What waits to be told by `compute` is told by it all the same. */
  everything(): ServiceChanges {
    const waiting = [...this.#dirty];
    for (const key of this.#services.keys()) this.#touch(key);
    const all = this.compute();
    // Who won or lost an address by it is among all, and seldom asked for: they are told again.
    if (waiting.length > 0) for (const key of [...waiting, ...this.#services.keys()]) this.#touch(key);
    return all;
  }

  #isWhole(service: string): boolean {
    return this.#services.has(service) && this.#slices.has(service);
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#fresh.add(key);
    this.#prepared.delete(key);
  }

  /** Without the VIPs and the node port that another Service owns. */
  #owned(port: ServicePort): ServicePort {
    const isOwn = (key: string) => this.#claims.owner(key) === port.service;
    const vips = port.vips.filter((vip) => isOwn(vipKey(port, vip.address)));
    for (const { address } of port.vips)
      this.#noteConflict(port, vipKey(port, address), `${address} port ${port.port}`);
    if (port.nodePort) this.#noteConflict(port, nodePortKey(port), `node port ${port.nodePort}`);
    const nodePort = port.nodePort && isOwn(nodePortKey(port)) ? port.nodePort : 0;
    return vips.length === port.vips.length && nodePort === port.nodePort ? port : { ...port, vips, nodePort };
  }

  #noteConflict({ service, protocol }: ServicePort, key: string, what: string): void {
    const owner = this.#claims.owner(key);
    if (owner === service || owner === undefined) return;
    const message = `${what} (${protocol}) belongs to Service ${owner}, which was first`;
    this.#conflicts.set(service, [...(this.#conflicts.get(service) ?? []), message]);
  }

  #slicesOf(key: string): readonly PackedSlice[] {
    return this.#slices.get(key) ?? none;
  }
}

const none: readonly PackedSlice[] = [];

function isSame(known: { metadata: ObjectMeta } | undefined, { metadata }: { metadata: ObjectMeta }): boolean {
  if (known?.metadata.resourceVersion === undefined) return false;
  return known.metadata.resourceVersion === metadata.resourceVersion && known.metadata.uid === metadata.uid;
}

const byName = (a: PackedSlice, b: PackedSlice): number => (a.metadata.name < b.metadata.name ? -1 : 1);

function ownerOf({ metadata }: { metadata: ObjectMeta }): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  if (!name || !metadata.namespace || metadata.labels?.[headlessLabel] !== undefined) return undefined;
  return `${metadata.namespace}/${name}`;
}

const vipKey = (port: ServicePort, address: string): string => `${address}/${port.protocol}/${port.port}`;
const nodePortKey = (port: ServicePort): string => `${port.family}/${port.protocol}/${port.nodePort}`;

function claimsOf(port: ServicePort): Claim[] {
  const claims = port.vips.map((vip) => ({ key: vipKey(port, vip.address), isClusterIp: vip.role === "clusterIP" }));
  if (port.nodePort) claims.push({ key: nodePortKey(port), isClusterIp: false });
  return claims;
}
