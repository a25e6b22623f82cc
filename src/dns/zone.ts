/**
 * The cluster's zone: objects in, names out. Incremental: a change touches one Service. The records of a Service are made when it is first
 * asked for after a change, and kept, each with its ready answer, until the next change: what nobody asks for costs nothing.
 */
import { type EndpointSlice, objectKey, type Service } from "../api/object.ts";
import type { Clock } from "../lib/clock.ts";
import { type Body, encodeBody } from "./body.ts";
import { factsOfService, factsOfSlice, type ServiceFacts, type SliceFacts, serviceNameLabel } from "./facts.ts";
import { podAddress } from "./pod-name.ts";
import { parseReverse } from "./reverse.ts";
import { ReverseIndex } from "./reverse-index.ts";
import { addressData, type NamePlans, type NameSets, nameSets, planNames, type RecordSet } from "./service-records.ts";
import { keyOf, labelKey } from "./wire/name.ts";
import type { DnsRecord, RecordData } from "./wire/record.ts";

/** The specification's revision that `dns-version` tells, and its TTL there. */
const schemaVersion = "1.1.0";
const schemaTtlSec = 28_800;

export interface ZoneOptions {
  /** e.g. "cluster.local". */
  readonly clusterDomain: string;
  readonly ttlSec: number;
  readonly clock: Clock;
  /** The Service of this server, whose address `ns.dns.<zone>` has: "kube-system/kube-dns". */
  readonly dnsService: string;
}

/** A name that exists, with its ready answers by type. */
export class ZoneName {
  readonly sets: NameSets;
  /** Made when the first is asked for: most names never are. */
  #bodies: Map<RecordData["type"], Body> | undefined;

  /** Its CNAME, which stands for all types. */
  readonly alias: DnsRecord | undefined;

  constructor(sets: NameSets) {
    this.sets = sets;
    this.alias = sets.get("CNAME")?.answers[0];
  }

  /** The ready answer for this type; undefined if the name has no such data. `name` is this name's key. */
  body(name: string, type: RecordData["type"]): Body | undefined {
    const ready = this.#bodies?.get(type);
    if (ready) return ready;
    const set = this.sets.get(type);
    if (!set) return undefined;
    const body = encodeBody(name, set, { rotate: set.rotate });
    this.#bodies ??= new Map();
    this.#bodies.set(type, body);
    return body;
  }
}

export type Found =
  /** No zone of this server. */
  | { readonly kind: "outside" }
  /** `zoneStart` is where the zone begins in the name's key: the owner of its SOA. */
  | { readonly kind: "missing"; readonly zoneStart: number; readonly reverse: boolean }
  | { readonly kind: "found"; readonly zoneStart: number; readonly name: ZoneName };

interface ServiceEntry {
  /** "namespace/name". */
  readonly key: string;
  facts: ServiceFacts;
  /** By the slice's name. */
  readonly slices: Map<string, SliceFacts>;
  /** Made when the Service is first asked for after a change. */
  plans: NamePlans | undefined;
}

const outside: Found = { kind: "outside" };

export class Zone {
  readonly ttlSec: number;
  readonly #clock: Clock;
  readonly #apexKey: string;
  readonly #dnsService: string;
  /** By the keys of both labels, e.g. "\x07backend\x07default"; one with slices and without a Service has no facts. */
  readonly #services = new Map<string, ServiceEntry>();
  /** Label keys of the namespaces. */
  readonly #namespaces = new Set<string>();
  /** Slice "namespace/name" → the entry that has it. */
  readonly #sliceOwners = new Map<string, string>();
  readonly #reverse = new ReverseIndex();
  /** Names of Services that have been asked for since they changed, found in one step. */
  readonly #ready = new Map<string, Found>();
  #serial: number;

  constructor({ clusterDomain, ttlSec, clock, dnsService }: ZoneOptions) {
    const apexKey = keyOf(clusterDomain.toLowerCase());
    if (!apexKey) throw new RangeError(`Cannot use "${clusterDomain}" as the cluster domain: it must be a DNS name`);
    this.#apexKey = apexKey;
    this.#dnsService = dnsService;
    this.ttlSec = ttlSec;
    this.#clock = clock;
    this.#serial = Math.floor(clock.now() / 1000);
  }

  /** Seconds since the epoch of the last change that altered records. */
  get serial(): number {
    return this.#serial;
  }

  putService(service: Service): void {
    const { name, namespace = "default" } = service.metadata;
    const entry = this.#entry(namespace, name);
    const facts = factsOfService(service);
    if (JSON.stringify(facts) === JSON.stringify(entry.facts)) return;
    entry.facts = facts;
    this.#changed(entry);
  }

  removeService(service: Service): void {
    const { name, namespace = "default" } = service.metadata;
    const entry = this.#entry(namespace, name);
    entry.facts = { kind: "none" };
    this.#changed(entry);
    this.#dropIfEmpty(namespace, name, entry);
  }

  putSlice(slice: EndpointSlice): void {
    const key = objectKey(slice);
    const { namespace = "default" } = slice.metadata;
    const owner = slice.metadata.labels?.[serviceNameLabel];
    const before = this.#sliceOwners.get(key);
    if (before !== undefined && before !== owner) this.removeSlice(slice);
    if (!owner || keyOf(owner) !== labelKey(owner)) return;
    const entry = this.#entry(namespace, owner);
    const facts = factsOfSlice(slice);
    if (JSON.stringify(facts) === JSON.stringify(entry.slices.get(key))) return;
    entry.slices.set(key, facts);
    this.#sliceOwners.set(key, owner);
    this.#changed(entry);
  }

  removeSlice(slice: EndpointSlice): void {
    const key = objectKey(slice);
    const { namespace = "default" } = slice.metadata;
    const owner = this.#sliceOwners.get(key);
    if (owner === undefined) return;
    this.#sliceOwners.delete(key);
    const entry = this.#entry(namespace, owner);
    entry.slices.delete(key);
    this.#changed(entry);
    this.#dropIfEmpty(namespace, owner, entry);
  }

  putNamespace(name: string): void {
    this.#namespaces.add(labelKey(name));
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(labelKey(name));
  }

  /** Finds a name by its lower-cased key and the places of its labels. */
  lookup(name: string, starts: readonly number[]): Found {
    const ready = this.#ready.get(name);
    if (ready) return ready;
    const zoneStart = name.length - this.#apexKey.length;
    if (!name.endsWith(this.#apexKey)) return this.#lookupReverse(name);
    const labels = zoneStart === 0 ? 0 : starts.indexOf(zoneStart);
    if (labels === -1) return outside;
    const found = this.#lookupInside(name, starts, labels);
    return found ? { kind: "found", zoneStart, name: found } : { kind: "missing", zoneStart, reverse: false };
  }

  /** `labels` is how many stand in front of the zone. */
  #lookupInside(name: string, starts: readonly number[], labels: number): ZoneName | undefined {
    if (labels === 0) return this.#apex();
    const at = (fromZone: number): number => starts[labels - fromZone] ?? name.length - this.#apexKey.length;
    const part = (fromZone: number): string => name.slice(at(fromZone), at(fromZone - 1));
    switch (part(1)) {
      case "\x03svc": {
        if (labels === 1) return emptyName;
        if (labels === 2) return this.#namespaces.has(part(2)) ? emptyName : undefined;
        const entry = this.#services.get(name.slice(at(3), at(1)));
        const sets = entry && this.#setsOf(entry, name.slice(0, at(3)));
        if (!sets) return undefined;
        const found = new ZoneName(sets);
        this.#ready.set(name, { kind: "found", zoneStart: at(0), name: found });
        return found;
      }
      case "\x03pod":
        if (labels === 1) return emptyName;
        if (!this.#namespaces.has(part(2))) return undefined;
        return labels === 2 ? emptyName : labels === 3 ? this.#pod(name, part(3)) : undefined;
      case "\x03dns":
        return labels === 1 ? emptyName : labels === 2 && part(2) === "\x02ns" ? this.#nameServer() : undefined;
      case "\x0bdns-version":
        return labels === 1 ? this.#version() : undefined;
      default:
        return undefined;
    }
  }

  #lookupReverse(name: string): Found {
    const reverse = parseReverse(name);
    if (!reverse) return outside;
    const { zoneStart, address } = reverse;
    if (zoneStart === 0) return { kind: "found", zoneStart, name: emptyName };
    const targets = address === undefined ? [] : this.#reverse.targets(address);
    if (targets.length === 0) return { kind: "missing", zoneStart, reverse: true };
    const answers = targets.map((target): DnsRecord => {
      return { name, ttlSec: this.ttlSec, data: { type: "PTR", name: target + this.#apexKey } };
    });
    return { kind: "found", zoneStart, name: nameOf(answers) };
  }

  #apex(): ZoneName {
    const server = "\x02ns\x03dns";
    const answers = [this.#record("", { type: "NS", name: server + this.#apexKey })];
    const addresses = this.#nameServer().sets;
    const additional = [...addresses.values()].flatMap((set) => set.answers);
    return new ZoneName(new Map([["NS", { answers, additional, rotate: false }]]));
  }

  /** The address of this server's Service. */
  #nameServer(): ZoneName {
    const [namespace = "", service = ""] = this.#dnsService.split("/");
    const facts = this.#services.get(labelKey(service) + labelKey(namespace))?.facts;
    const ips = facts?.kind === "cluster" ? facts.ips : [];
    return nameOf(ips.map((ip) => this.#record("\x02ns\x03dns", addressData(ip))));
  }

  #version(): ZoneName {
    const record = this.#record("\x0bdns-version", { type: "TXT", text: schemaVersion });
    return nameOf([{ ...record, ttlSec: schemaTtlSec }]);
  }

  /** Pod names say their address themselves; that a Pod has it is not checked (the stock setting "pods insecure"). */
  #pod(name: string, label: string): ZoneName | undefined {
    const address = podAddress(label.slice(1));
    return address === undefined ? undefined : nameOf([{ name, ttlSec: this.ttlSec, data: addressData(address) }]);
  }

  /** A record whose owner is in this zone; `prefix` stands in front of the zone's name. */
  #record(prefix: string, data: RecordData): DnsRecord {
    return { name: prefix + this.#apexKey, ttlSec: this.ttlSec, data };
  }

  #setsOf(entry: ServiceEntry, prefix: string): NameSets | undefined {
    entry.plans ??= planNames(entry.facts, entry.slices.values());
    return nameSets(prefix, { plans: entry.plans, base: this.#baseOf(entry), ttlSec: this.ttlSec });
  }

  #baseOf(entry: ServiceEntry): string {
    return `${this.#labelsOf(entry)}\x03svc${this.#apexKey}`;
  }

  #labelsOf({ key }: ServiceEntry): string {
    const [namespace = "", name = ""] = key.split("/");
    return labelKey(name) + labelKey(namespace);
  }

  #entry(namespace: string, name: string): ServiceEntry {
    const labels = labelKey(name) + labelKey(namespace);
    const known = this.#services.get(labels);
    if (known) return known;
    const entry: ServiceEntry = {
      key: `${namespace}/${name}`,
      facts: { kind: "none" },
      slices: new Map(),
      plans: undefined,
    };
    this.#services.set(labels, entry);
    return entry;
  }

  #changed(entry: ServiceEntry): void {
    const base = this.#baseOf(entry);
    for (const prefix of entry.plans?.keys() ?? []) this.#ready.delete(prefix + base);
    entry.plans = undefined;
    this.#serial = Math.floor(this.#clock.now() / 1000);
    this.#reverse.put(`${this.#labelsOf(entry)}\x03svc`, entry.facts, entry.slices);
  }

  #dropIfEmpty(namespace: string, name: string, entry: ServiceEntry): void {
    if (entry.facts.kind === "none" && entry.slices.size === 0) {
      this.#services.delete(labelKey(name) + labelKey(namespace));
    }
  }
}

const emptyName = new ZoneName(new Map());

/** A name with these records, which have one or two types and may be given in any order. */
function nameOf(records: readonly DnsRecord[]): ZoneName {
  const sets = new Map<RecordData["type"], RecordSet>();
  for (const record of records) {
    const answers = [...(sets.get(record.data.type)?.answers ?? []), record];
    sets.set(record.data.type, { answers, additional: [], rotate: false });
  }
  return new ZoneName(sets);
}
