/**
 * All names of one Service (Kubernetes DNS specification 1.1.0, sections 2.3 to 2.5), as record sets by the labels in front of
 * `<service>.<namespace>.svc.<zone>`: "" is the Service itself, "\x05_http\x04_tcp" a named port, "\x0510-0-0-7…" an endpoint.
 */
import { ipToBytes, parseIp } from "../net/ip.ts";
import type { NamedPort, ServiceFacts, SliceFacts } from "./facts.ts";
import { keyOf, labelKey } from "./wire/name.ts";
import type { DnsRecord, RecordData } from "./wire/record.ts";

export interface RecordSet {
  readonly answers: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** The answers may be given in any order. */
  readonly rotate: boolean;
}

/** A name that exists. Types that are absent have no data (NODATA); no type at all: an empty non-terminal. */
export type NameSets = Map<RecordData["type"], RecordSet>;

export interface ServiceContext {
  /** Key of `<service>.<namespace>.svc.<zone>`. */
  readonly base: string;
  readonly ttlSec: number;
}

interface Target {
  /** Key of the name in front of the base, "" for the Service itself. */
  readonly prefix: string;
  readonly port: NamedPort;
}

/** Empty if the Service has no name in DNS now: headless without a ready endpoint, without an address, a literal IP as its externalName. */
export function serviceRecords(
  facts: ServiceFacts,
  slices: Iterable<SliceFacts>,
  context: ServiceContext,
): Map<string, NameSets> {
  const names = new Map<string, NameSets>();
  switch (facts.kind) {
    case "none":
      return names;
    case "external":
      addExternal(names, facts.target, context);
      return names;
    case "cluster": {
      addAddresses(names, "", facts.ips, context);
      const targets = facts.ports.flatMap((port) => facts.ips.map(() => ({ prefix: "", port })));
      for (const { endpoints } of slices) addEndpoints(names, endpoints, context);
      addServiceRecords(names, targets, context);
      return names;
    }
    case "headless":
      addHeadless(names, [...slices], context);
      return names;
  }
}

/** The name of an endpoint: its hostname, else its address with dashes ("10-0-0-7", "fd00--7"). */
export function endpointName(hostname: string, address: string): string {
  if (hostname !== "") return hostname.toLowerCase();
  const dashed = address.replaceAll(/[.:]/g, "-");
  return dashed.endsWith("-") ? `${dashed}0` : dashed;
}

function addExternal(names: Map<string, NameSets>, target: string, { base, ttlSec }: ServiceContext): void {
  const name = keyOf(target);
  if (!name || parseIp(target)) return;
  const answers: DnsRecord[] = [{ name: base, ttlSec, data: { type: "CNAME", name: name.toLowerCase() } }];
  names.set("", new Map([["CNAME", { answers, additional: [], rotate: false }]]));
}

function addHeadless(names: Map<string, NameSets>, slices: readonly SliceFacts[], context: ServiceContext): void {
  const addresses = new Set<string>();
  const targets: Target[] = [];
  for (const { endpoints, ports } of slices) {
    addEndpoints(names, endpoints, context);
    for (const endpoint of endpoints) {
      for (const address of endpoint.addresses) {
        addresses.add(address);
        const prefix = labelKey(endpointName(endpoint.hostname, address));
        for (const port of ports) targets.push({ prefix, port });
      }
    }
  }
  if (addresses.size === 0) return;
  addAddresses(names, "", [...addresses], context);
  addServiceRecords(names, targets, context);
}

/** Several addresses with one hostname share the name. */
function addEndpoints(names: Map<string, NameSets>, endpoints: SliceFacts["endpoints"], context: ServiceContext): void {
  for (const { addresses, hostname } of endpoints) {
    for (const address of addresses) {
      const prefix = labelKey(endpointName(hostname, address));
      const data = addressData(address);
      const known = names.get(prefix)?.get(data.type)?.answers ?? [];
      if (!known.some((record) => sameAddress(record.data, data))) addAddresses(names, prefix, [address], context);
    }
  }
}

function addAddresses(
  names: Map<string, NameSets>,
  prefix: string,
  addresses: readonly string[],
  { base, ttlSec }: ServiceContext,
): void {
  const sets = setsOf(names, prefix);
  const records = addresses.map((address) => ({ name: prefix + base, ttlSec, data: addressData(address) }));
  for (const type of ["A", "AAAA"] as const) {
    const answers = [...(sets.get(type)?.answers ?? []), ...records.filter(({ data }) => data.type === type)];
    if (answers.length > 0) sets.set(type, { answers, additional: [], rotate: true });
  }
}

/** `text` is in canonical form, as facts hold it. */
export function addressData(text: string): RecordData & { type: "A" | "AAAA" } {
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot use "${text}" as an IP address`);
  return { type: ip.family === "IPv4" ? "A" : "AAAA", address: ipToBytes(ip) };
}

function sameAddress(a: RecordData, b: RecordData): boolean {
  return "address" in a && "address" in b && Buffer.compare(a.address, b.address) === 0;
}

/** SRV of each named port at `_port._protocol`, and of all ports at the Service itself, for clients that look for their peers. */
function addServiceRecords(names: Map<string, NameSets>, targets: readonly Target[], context: ServiceContext): void {
  const groups = new Map<string, Target[]>([["", [...targets]]]);
  for (const target of targets) {
    if (target.port.name === "") continue;
    const protocol = labelKey(`_${target.port.protocol}`);
    const prefix = labelKey(`_${target.port.name.toLowerCase()}`) + protocol;
    setsOf(names, protocol); // exists without data of its own (RFC 8020)
    const group = groups.get(prefix);
    if (group) group.push(target);
    else groups.set(prefix, [target]);
  }
  for (const [prefix, group] of groups) {
    if (group.length > 0) setsOf(names, prefix).set("SRV", serviceSet(names, prefix, group, context));
  }
}

function serviceSet(
  names: Map<string, NameSets>,
  prefix: string,
  targets: readonly Target[],
  { base, ttlSec }: ServiceContext,
): RecordSet {
  const weight = Math.max(1, Math.floor(100 / targets.length));
  const answers = new Map<string, DnsRecord>();
  const additional = new Map<string, readonly DnsRecord[]>();
  for (const target of targets) {
    const name = target.prefix + base;
    const data: RecordData = { type: "SRV", priority: 0, weight, port: target.port.port, target: name };
    answers.set(`${target.prefix} ${target.port.port}`, { name: prefix + base, ttlSec, data });
    if (additional.has(target.prefix)) continue;
    const sets = names.get(target.prefix);
    additional.set(target.prefix, [...(sets?.get("A")?.answers ?? []), ...(sets?.get("AAAA")?.answers ?? [])]);
  }
  return { answers: [...answers.values()], additional: [...additional.values()].flat(), rotate: false };
}

function setsOf(names: Map<string, NameSets>, prefix: string): NameSets {
  const known = names.get(prefix);
  if (known) return known;
  const sets: NameSets = new Map();
  names.set(prefix, sets);
  return sets;
}
