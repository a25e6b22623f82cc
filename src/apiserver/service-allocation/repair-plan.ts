/** What is wrong between Services, their IPAddresses and node ports, and what to do about it (pure): service-api S87, S95. */
import { type IPAddress, objectKey, type Service } from "../../api/object.ts";
import { canonicalIp } from "../../net/ip.ts";
import { hasOurLabels, isOurs, refersTo, refersToService } from "./address-records.ts";
import { isHeadless, needsClusterIp } from "./families.ts";
import { nodePortsOf } from "./node-port-allocation.ts";

/** Longer than any write may take between an address and its Service. */
const leakMs = 60_000;
/** So long a write may be under way that takes the address or gives it back. */
const writeMs = 5000;

export interface Fault {
  readonly object: Service | IPAddress;
  readonly reason: string;
  readonly message: string;
}

export interface Repair {
  readonly faults: readonly Fault[];
  /** In this order: delete, then create. */
  readonly delete: readonly string[];
  readonly create: readonly { readonly address: string; readonly owner: Service }[];
  /** When an address that is wrong now, but young, is to be looked at again. */
  readonly againInMs: number | undefined;
}

export interface Stored {
  readonly services: readonly Service[];
  readonly addresses: readonly IPAddress[];
  /** Whether some ServiceCIDR has the address. */
  contains(address: string): boolean;
  readonly nowMs: number;
  /** Since when the address has been looking wrong: it may belong to a write that is under way. */
  wrongSinceMs(address: string): number;
  /** Nobody else writes yet: what leaked is removed however young it is. */
  readonly isStart: boolean;
}

const familyName = (address: string): string => (address.includes(":") ? "IPv6" : "IPv4");
const hasAddresses = (service: Service): boolean => needsClusterIp(service) && !isHeadless(service);
const clusterIps = ({ spec }: Service): readonly string[] =>
  spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);

class Plan {
  readonly faults: Fault[] = [];
  readonly delete: string[] = [];
  readonly create: { address: string; owner: Service }[] = [];
  againInMs: number | undefined;

  fault(object: Service | IPAddress, reason: string, message: string): void {
    this.faults.push({ object, reason, message });
  }

  again(inMs: number): void {
    this.againInMs = Math.min(this.againInMs ?? inMs, inMs);
  }
}

export function planAddressRepair(stored: Stored): Repair {
  const plan = new Plan();
  const records = new Map(stored.addresses.map((address) => [address.metadata.name, address]));
  const byKey = new Map(stored.services.map((service) => [objectKey(service), service]));
  for (const service of stored.services.filter(hasAddresses)) {
    for (const text of clusterIps(service)) judgeClusterIp(plan, { service, text, records, byKey, stored });
  }
  for (const address of stored.addresses.filter(isOurs)) judgeRecord(plan, { address, byKey, stored });
  return plan;
}

function judgeClusterIp(
  plan: Plan,
  {
    service,
    text,
    records,
    byKey,
    stored,
  }: {
    service: Service;
    text: string;
    records: ReadonlyMap<string, IPAddress>;
    byKey: ReadonlyMap<string, Service>;
    stored: Stored;
  },
): void {
  const address = canonicalIp(text);
  if (!address) {
    plan.fault(service, "ClusterIPNotValid", `Cluster IP ${text} is not a valid IP; please recreate Service`);
    return;
  }
  const shown = `Cluster IP [${familyName(address)}]: ${address}`;
  if (!stored.contains(address)) {
    const message = `${shown} is not within any configured Service CIDR; please recreate service`;
    plan.fault(service, "ClusterIPOutOfRange", message);
    return;
  }
  const record = records.get(address);
  if (!record) {
    plan.fault(service, "ClusterIPNotAllocated", `${shown} is not allocated; repairing`);
    plan.create.push({ address, owner: service });
    return;
  }
  const holder = byKey.get(`${record.spec.parentRef?.namespace}/${record.spec.parentRef?.name}`);
  if (refersTo(record, service)) {
    if (!hasOurLabels(record)) recreate(plan, address, service);
  } else if (!refersToService(record) || !holder) {
    const { namespace, name } = service.metadata;
    const message = `the ClusterIP [${familyName(address)}]: ${address} for Service ${namespace}/${name} has a wrong reference; repairing`;
    plan.fault(service, "ClusterIPNotAllocated", message);
    recreate(plan, address, service);
  } else if (clusterIps(holder).includes(address)) {
    const message = `Cluster IP [${familyName(address)}]:${address} was assigned to multiple services; please recreate service`;
    plan.fault(service, "ClusterIPAlreadyAllocated", message);
  }
}

function recreate(plan: Plan, address: string, owner: Service): void {
  plan.delete.push(address);
  plan.create.push({ address, owner });
}

function judgeRecord(
  plan: Plan,
  { address, byKey, stored }: { address: IPAddress; byKey: ReadonlyMap<string, Service>; stored: Stored },
): void {
  const { name, creationTimestamp } = address.metadata;
  if (plan.delete.includes(name)) return;
  const { namespace = "", name: owner = "", resource = "", group = "" } = address.spec.parentRef ?? {};
  const ageMs = stored.isStart ? Number.POSITIVE_INFINITY : stored.nowMs - Date.parse(String(creationTimestamp ?? 0));
  const remove = (afterMs: number, reason: string, message: string): void => {
    const wrongMs = stored.isStart ? Number.POSITIVE_INFINITY : stored.nowMs - stored.wrongSinceMs(name);
    const waitMs = Math.max(afterMs - ageMs, writeMs - wrongMs);
    if (waitMs > 0) {
      plan.again(waitMs);
      return;
    }
    plan.fault(address, reason, message);
    plan.delete.push(name);
  };
  if (!refersToService(address)) {
    const reference = [group, resource, namespace, owner].filter(Boolean).join("/");
    const message = `IPAddress ${name} appears to have been modified, not referencing a Service ${reference}: cleaning up`;
    remove(0, "IPAddressNotAllocated", message);
    return;
  }
  const service = byKey.get(`${namespace}/${owner}`);
  if (!service) {
    const message = `IPAddress: ${name} for Service ${namespace}/${owner} appears to have leaked: cleaning up`;
    remove(leakMs, "IPAddressNotAllocated", message);
  } else if (!hasAddresses(service) || !clusterIps(service).some((text) => canonicalIp(text) === name)) {
    const message = `IPAddress: ${name} for Service ${owner}/${namespace} has a wrong reference; cleaning up`;
    remove(needsClusterIp(service) ? writeMs : leakMs, "IPAddressWrongReference", message);
  }
}

/** Node ports that cannot be right; in order of the Services, the first holder of a number keeps it. */
export function judgeNodePorts(
  services: readonly Service[],
  { from, to }: { readonly from: number; readonly to: number },
): Fault[] {
  const taken = new Set<number>();
  return services.flatMap((service) =>
    nodePortsOf(service).flatMap((port): Fault[] => {
      if (port < from || port > to) {
        const message = `Port ${port} is not within the port range ${from}-${to}; please recreate service`;
        return [{ object: service, reason: "PortOutOfRange", message }];
      }
      if (taken.has(port)) {
        const message = `Port ${port} was assigned to multiple services; please recreate service`;
        return [{ object: service, reason: "PortAlreadyAllocated", message }];
      }
      taken.add(port);
      return [];
    }),
  );
}
