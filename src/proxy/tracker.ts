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

/** What is known of a Service, in one place: at a start each look-up by name costs as much as computing an endpoint. */
class Entry {
  readonly key: string;
  service: Service | undefined;
  /** By name; mostly it is one. */
  slices: readonly PackedSlice[] = none;
  /** What it is now has not been told. */
  isDirty = false;
  /** It has changed since `prepare` or `compute` looked at it last. */
  isFresh = false;
  /** What has been computed and not been told. */
  ports: readonly ServicePort[] | undefined;
  /** The latest `compute` that has looked at its claims. */
  round = 0;
  claims: readonly Claim[] = [];
  conflicts: readonly string[] = noConflicts;

  constructor(key: string) {
    this.key = key;
  }

  get isWhole(): boolean {
    return this.service !== undefined && this.slices.length > 0;
  }
}

export class Tracker {
  readonly #entries = new Map<string, Entry>();
  readonly #ownerOfSlice = new Map<string, Entry>();
  readonly #claims = new Claims();
  #dirty: Entry[] = [];
  #fresh: Entry[] = [];
  #round = 0;
  #node: NodeFacts;

  constructor(node: NodeFacts) {
    this.#node = node;
  }

  get node(): NodeFacts {
    return this.#node;
  }

  *serviceKeys(): Iterable<string> {
    for (const { key, service } of this.#entries.values()) if (service) yield key;
  }

  /** Of those that belong to a Service. */
  sliceKeys(): Iterable<string> {
    return this.#ownerOfSlice.keys();
  }

  /** False when it is there in this version. */
  setService(service: Service): boolean {
    const entry = this.#entry(objectKey(service));
    if (isSame(entry.service, service)) return false;
    entry.service = service;
    this.#touch(entry);
    return true;
  }

  /** False when there is none. */
  removeService(key: string): boolean {
    const entry = this.#entries.get(key);
    if (!entry?.service) return false;
    entry.service = undefined;
    this.#touch(entry);
    return true;
  }

  /** False when it is there in this version. One without the label that names its Service, or of a headless one, is as if it were not there. */
  setSlice(whole: EndpointSlice | PackedSlice): boolean {
    const key = objectKey(whole);
    const owner = ownerOf(whole);
    const before = this.#ownerOfSlice.get(key);
    if (before && before.key !== owner) this.removeSlice(key);
    if (owner === undefined) return before !== undefined;
    const entry = this.#entry(owner);
    const { name } = whole.metadata;
    if (entry.slices.some((slice) => slice.metadata.name === name && isSame(slice, whole))) return false;
    const others = entry.slices.filter((slice) => slice.metadata.name !== name);
    entry.slices = others.length > 0 ? [...others, packSlice(whole)].sort(byName) : [packSlice(whole)];
    if (before !== entry) this.#ownerOfSlice.set(key, entry);
    this.#touch(entry);
    return true;
  }

  /** False when there is none. */
  removeSlice(key: string): boolean {
    const entry = this.#ownerOfSlice.get(key);
    if (!entry) return false;
    this.#ownerOfSlice.delete(key);
    entry.slices = entry.slices.filter((slice) => objectKey(slice) !== key);
    this.#touch(entry);
    return true;
  }

  /** Returns true when everything must be computed again: the zone or an address changed. */
  setNode(node: NodeFacts): boolean {
    const changed = JSON.stringify(node) !== JSON.stringify(this.#node);
    this.#node = node;
    if (changed) this.#touchAll();
    return changed;
  }

  /** What the Service wants and another one has, each as a sentence. */
  conflicts(key: string): { readonly object: Service; readonly messages: readonly string[] } | undefined {
    const { service, conflicts: messages = [] } = this.#entries.get(key) ?? {};
    return service && messages.length > 0 ? { object: service, messages } : undefined;
  }

  service(key: string): Service | undefined {
    return this.#entries.get(key)?.service;
  }

  /** Of the Service as it is now. */
  healthCheck(key: string): HealthCheck | undefined {
    const { service, slices = none } = this.#entries.get(key) ?? {};
    return service && healthCheckOf(service, slices, this.#node.name);
  }

  /** Work for a time of waiting: computes those that changed and are whole, as far as is known. `compute` takes it from here. */
  prepare(): void {
    for (const entry of this.#takeFresh()) if (entry.isWhole) entry.ports = this.#portsOf(entry);
  }

  /**
   * Recomputes what is dirty, and whoever won or lost an address by it; after this nothing is dirty. `wholeOnly`: only what has
   * come since the last call and is whole, as far as is known; the rest stays dirty.
   */
  compute({ wholeOnly = false } = {}): ServiceChanges {
    const fresh = this.#takeFresh();
    const chosen = wholeOnly ? fresh.filter(({ isWhole }) => isWhole) : this.#waiting();
    const computed: Entry[] = [];
    this.#round++;
    for (const entry of chosen) this.#claim(entry, computed);
    if (!wholeOnly) this.#dirty = [];
    const changes = new Map<string, readonly ServicePort[]>();
    for (const entry of computed) {
      changes.set(entry.key, this.#tell(entry));
      if (!entry.service && entry.slices.length === 0) this.#entries.delete(entry.key);
    }
    return changes;
  }

  /** The state of all Services, computed anew. What waits to be told by `compute` is told by it all the same. */
  everything(): ServiceChanges {
    const waiting = this.#waiting();
    this.#touchAll();
    const all = this.compute();
    if (waiting.length === 0) return all;
    for (const entry of waiting) {
      this.#entries.set(entry.key, entry);
      this.#touch(entry);
    }
    // Who won or lost an address by it is among all, and seldom asked for: they are told again.
    this.#touchAll();
    return all;
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = new Entry(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #touch(entry: Entry): void {
    if (!entry.isDirty) this.#dirty.push(entry);
    if (!entry.isFresh) this.#fresh.push(entry);
    entry.isDirty = true;
    entry.isFresh = true;
    entry.ports = undefined;
  }

  #touchAll(): void {
    for (const entry of this.#entries.values()) if (entry.service) this.#touch(entry);
  }

  #takeFresh(): readonly Entry[] {
    const fresh = this.#fresh;
    for (const entry of fresh) entry.isFresh = false;
    this.#fresh = [];
    return fresh;
  }

  #waiting(): readonly Entry[] {
    return this.#dirty.filter(({ isDirty }) => isDirty);
  }

  #portsOf({ key, service, slices }: Entry): readonly ServicePort[] {
    return service ? computeService(service, slices, this.#node, key) : [];
  }

  /** Computes the Service, and then whoever won or lost a claim by it. */
  #claim(first: Entry, computed: Entry[]): void {
    const waiting = [first];
    for (const entry of waiting) {
      if (entry.round === this.#round) continue;
      entry.round = this.#round;
      entry.ports ??= this.#portsOf(entry);
      const claims = claimsOf(entry.ports, entry.service?.metadata.creationTimestamp ?? "");
      for (const other of this.#claims.replace(entry.claims, claims)) {
        const affected = this.#entries.get(other);
        if (affected) waiting.push(affected);
      }
      entry.claims = claims;
      computed.push(entry);
    }
  }

  /** What has been computed, as far as it is the Service's own. */
  #tell(entry: Entry): readonly ServicePort[] {
    const { key, claims, ports = [] } = entry;
    entry.isDirty = false;
    entry.ports = undefined;
    entry.conflicts = noConflicts;
    if (this.#claims.isPeaceful || claims.every((claim) => this.#claims.owner(claim.key) === key)) return ports;
    return ports.map((port) => this.#owned(entry, port));
  }

  /** Without the VIPs and the node port that another Service owns. */
  #owned(entry: Entry, port: ServicePort): ServicePort {
    const isOwn = (key: string) => this.#claims.owner(key) === port.service;
    const vips = port.vips.filter((vip) => isOwn(vipKey(port, vip.address)));
    for (const { address } of port.vips)
      this.#noteConflict(entry, port, vipKey(port, address), `${address} port ${port.port}`);
    if (port.nodePort) this.#noteConflict(entry, port, nodePortKey(port), `node port ${port.nodePort}`);
    const nodePort = port.nodePort && isOwn(nodePortKey(port)) ? port.nodePort : 0;
    return vips.length === port.vips.length && nodePort === port.nodePort ? port : { ...port, vips, nodePort };
  }

  #noteConflict(entry: Entry, { service, protocol }: ServicePort, key: string, what: string): void {
    const owner = this.#claims.owner(key);
    if (owner === service || owner === undefined) return;
    const message = `${what} (${protocol}) belongs to Service ${owner}, which was first`;
    entry.conflicts = [...entry.conflicts, message];
  }
}

const none: readonly PackedSlice[] = [];
const noConflicts: readonly string[] = [];

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

function claimsOf(ports: readonly ServicePort[], created: string): Claim[] {
  const claims: Claim[] = [];
  for (const port of ports) {
    const { service } = port;
    for (const { address, role } of port.vips)
      claims.push({ key: vipKey(port, address), service, created, isClusterIp: role === "clusterIP" });
    if (port.nodePort) claims.push({ key: nodePortKey(port), service, created, isClusterIp: false });
  }
  // Without the room that an array which grows has ahead: they are kept.
  return claims.slice();
}
