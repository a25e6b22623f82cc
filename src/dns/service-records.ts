/**
 * All names of one Service (Kubernetes DNS specification 1.1.0, sections 2.3 to 2.5), by the labels in front of
 * `<service>.<namespace>.svc.<zone>`: "" is the Service itself, "\x05_http\x04_tcp" a named port, "\x0a10-244-0-7" an endpoint.
 * First a plan of each name, which is cheap for thousands of endpoints; the records of a name only when it is asked for.
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

/** The data of a name that exists. Types that are absent have none (NODATA); no type at all: an empty non-terminal. */
export type NameSets = ReadonlyMap<RecordData["type"], RecordSet>;

type AddressData = RecordData & { readonly type: "A" | "AAAA" };

/** What a name will have. */
interface NamePlan {
  /** By their text. */
  readonly addresses: Map<string, AddressData>;
  /** For SRV. */
  readonly targets: Target[];
  /** For CNAME: key of the name. */
  readonly alias?: string;
}

export type NamePlans = ReadonlyMap<string, NamePlan>;

interface Target {
  /** Key of the target's name in front of the base, "" for the Service itself. */
  readonly prefix: string;
  readonly port: NamedPort;
}

/** Empty if the Service has no name in DNS now: headless without a ready endpoint, without an address, a literal IP as its externalName. */
export function planNames(facts: ServiceFacts, slices: Iterable<SliceFacts>): NamePlans {
  const plans = new Map<string, NamePlan>();
  switch (facts.kind) {
    case "none":
      return plans;
    case "external": {
      const alias = parseIp(facts.target) ? undefined : keyOf(facts.target);
      if (alias) plans.set("", { addresses: new Map(), targets: [], alias: alias.toLowerCase() });
      return plans;
    }
    case "cluster": {
      for (const ip of facts.ips) planOf(plans, "").addresses.set(ip, addressData(ip));
      for (const port of facts.ports) for (const _ of facts.ips) addTarget(plans, { prefix: "", port });
      for (const slice of slices) for (const endpoint of endpointsOf(slice)) addEndpoint(plans, endpoint);
      return plans;
    }
    case "headless":
      for (const slice of slices) {
        for (const endpoint of endpointsOf(slice)) {
          planOf(plans, "").addresses.set(endpoint.address, endpoint.data);
          addEndpoint(plans, endpoint);
          for (const port of slice.ports) addTarget(plans, { prefix: endpoint.prefix, port });
        }
      }
      return plans;
  }
}

interface NamedEndpoint {
  readonly prefix: string;
  readonly address: string;
  readonly data: AddressData;
}

/** Of a slice that did not change they stay. */
const knownEndpoints = new WeakMap<SliceFacts, readonly NamedEndpoint[]>();

function endpointsOf(slice: SliceFacts): readonly NamedEndpoint[] {
  const known = knownEndpoints.get(slice);
  if (known) return known;
  const endpoints = slice.endpoints.flatMap(({ addresses, hostname }) =>
    addresses.map((address) => ({
      prefix: labelKey(endpointName(hostname, address)),
      address,
      data: addressData(address),
    })),
  );
  knownEndpoints.set(slice, endpoints);
  return endpoints;
}

/** The name of an endpoint: its hostname, else its address with dashes ("10-0-0-7", "fd00--7"). */
export function endpointName(hostname: string, address: string): string {
  if (hostname !== "") return hostname.toLowerCase();
  const dashed = address.replaceAll(/[.:]/g, "-");
  return dashed.endsWith("-") ? `${dashed}0` : dashed;
}

/** `text` is in canonical form, as facts hold it. */
export function addressData(text: string): AddressData {
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot use "${text}" as an IP address`);
  return { type: ip.family === "IPv4" ? "A" : "AAAA", address: ipToBytes(ip) };
}

/** Several addresses with one hostname share the name. */
function addEndpoint(plans: Map<string, NamePlan>, { prefix, address, data }: NamedEndpoint): void {
  planOf(plans, prefix).addresses.set(address, data);
}

/** SRV of a named port at `_port._protocol`, and of each port at the Service itself, for clients that look for their peers. */
function addTarget(plans: Map<string, NamePlan>, target: Target): void {
  planOf(plans, "").targets.push(target);
  const { name, protocol } = target.port;
  if (name === "") return;
  const protocolLabel = labelKey(`_${protocol}`);
  planOf(plans, protocolLabel); // exists, without data of its own (RFC 8020)
  planOf(plans, labelKey(`_${name.toLowerCase()}`) + protocolLabel).targets.push(target);
}

function planOf(plans: Map<string, NamePlan>, prefix: string): NamePlan {
  const known = plans.get(prefix);
  if (known) return known;
  const plan: NamePlan = { addresses: new Map(), targets: [] };
  plans.set(prefix, plan);
  return plan;
}

export interface NameContext {
  /** All names of the Service: a target's addresses stand beside it. */
  readonly plans: NamePlans;
  /** Key of `<service>.<namespace>.svc.<zone>`. */
  readonly base: string;
  readonly ttlSec: number;
}

/** The records of one name of the Service; undefined if there is no such name. */
export function nameSets(prefix: string, context: NameContext): NameSets | undefined {
  const plan = context.plans.get(prefix);
  if (!plan) return undefined;
  const { base, ttlSec } = context;
  const sets = new Map<RecordData["type"], RecordSet>();
  if (plan.alias !== undefined) {
    const data: RecordData = { type: "CNAME", name: plan.alias };
    sets.set("CNAME", { answers: [{ name: base, ttlSec, data }], additional: [], rotate: false });
  }
  const addresses = addressRecords(prefix, context);
  for (const type of ["A", "AAAA"] as const) {
    const answers = addresses.filter(({ data }) => data.type === type);
    if (answers.length > 0) sets.set(type, { answers, additional: [], rotate: true });
  }
  if (plan.targets.length > 0) sets.set("SRV", serviceSet(prefix, plan.targets, context));
  return sets;
}

/** A first, then AAAA. */
function addressRecords(prefix: string, { plans, base, ttlSec }: NameContext): DnsRecord[] {
  const all = [...(plans.get(prefix)?.addresses.values() ?? [])];
  const ordered = [...all.filter(({ type }) => type === "A"), ...all.filter(({ type }) => type === "AAAA")];
  const name = prefix + base;
  return ordered.map((data) => ({ name, ttlSec, data }));
}

/** Made when the set is read: with a thousand endpoints it is as long as all addresses together, and seldom asked for. */
function serviceSet(prefix: string, targets: readonly Target[], context: NameContext): RecordSet {
  let made: Omit<RecordSet, "rotate"> | undefined;
  const make = (): Omit<RecordSet, "rotate"> => {
    made ??= serviceRecords(prefix, targets, context);
    return made;
  };
  return {
    rotate: false,
    get answers() {
      return make().answers;
    },
    get additional() {
      return make().additional;
    },
  };
}

function serviceRecords(prefix: string, targets: readonly Target[], context: NameContext): Omit<RecordSet, "rotate"> {
  const { base, ttlSec } = context;
  const weight = Math.max(1, Math.floor(100 / targets.length));
  const answers = new Map<string, DnsRecord>();
  for (const { prefix: target, port } of targets) {
    const data: RecordData = { type: "SRV", priority: 0, weight, port: port.port, target: target + base };
    answers.set(`${target} ${port.port}`, { name: prefix + base, ttlSec, data });
  }
  const names = new Set(targets.map((target) => target.prefix));
  return { answers: [...answers.values()], additional: [...names].flatMap((name) => addressRecords(name, context)) };
}
