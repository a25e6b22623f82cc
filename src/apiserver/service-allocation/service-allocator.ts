/** Gives Services their cluster IPs and node ports. Pure but for its own pools; what is taken is rebuilt from the store. */
import { internal, invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { parseCidr } from "../../net/cidr.ts";
import { canonicalIp, familyOf } from "../../net/ip.ts";
import { type AddressPool, createAddressPool } from "./address-pool.ts";
import { decideFamilies, isHeadless, needsClusterIp, normalizeClusterIps } from "./families.ts";
import { createPortPool } from "./port-pool.ts";

export interface Allocation {
  /** Not empty: nothing is taken. A reason of "InternalError" means that a range is used up. */
  readonly faults: readonly FieldError[];
  /** The write succeeded: gives back what the old object had and the new one has not. */
  commit(): void;
  /** The write failed: gives back what was taken for it. */
  revert(): void;
}

export interface ServiceAllocator {
  /** Fills the allocated fields of `service`, in place, and takes them from the pools. */
  allocate(service: Service, old?: Service): Allocation;
  /** Marks what a stored Service holds as taken; what another one holds already is left alone. */
  adopt(service: Service): void;
  release(service: Service): void;
}

export interface ServiceAllocatorOptions {
  /** One range for each family, the primary family first, e.g. ["10.96.0.0/16"]. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange: { readonly from: number; readonly to: number };
  readonly random?: () => number;
}

const needsNodePorts = ({ spec }: Service): boolean =>
  spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);

export const needsHealthCheckNodePort = ({ spec }: Service): boolean =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

function addressesOf(service: Service | undefined): string[] {
  if (!service || !needsClusterIp(service) || isHeadless(service)) return [];
  const addresses = service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []);
  return addresses.map((address) => canonicalIp(address) ?? address);
}

function nodePortsOf(service: Service | undefined): number[] {
  if (!service || (service.spec.type !== "NodePort" && service.spec.type !== "LoadBalancer")) return [];
  const ports = (service.spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
  if (needsHealthCheckNodePort(service)) ports.push(service.spec.healthCheckNodePort ?? 0);
  return [...new Set(ports.filter((port) => port > 0))];
}

/** Node ports that an update left out come back by the port's name, if no other port of the Service uses them. */
function fillNodePorts(service: Service, old: Service): void {
  if (!needsNodePorts(service) || !needsNodePorts(old)) return;
  const used = new Set((service.spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of service.spec.ports ?? []) {
    if (port.nodePort) continue;
    const before = old.spec.ports?.find(({ name }) => (name ?? "") === (port.name ?? ""))?.nodePort;
    if (!before || used.has(before)) continue;
    port.nodePort = before;
    used.add(before);
  }
}

export function createServiceAllocator(options: ServiceAllocatorOptions): ServiceAllocator {
  const { serviceCidrs, nodePortRange, random } = options;
  const pools: AddressPool[] = serviceCidrs.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr) throw new RangeError(`Cannot use the Service range "${text}": it must be a CIDR such as 10.96.0.0/16`);
    return createAddressPool(cidr, random);
  });
  const ports = createPortPool(nodePortRange, random);
  const poolOf = (family: string | undefined): AddressPool | undefined =>
    pools.find((pool) => pool.family === family) ?? undefined;
  const releaseAddress = (address: string): void => poolOf(familyOf(address))?.release(address);

  /** Takes addresses for `service`; every one taken is written to `taken`. */
  function allocateAddresses(service: Service, old: Service | undefined, taken: string[]): FieldError[] {
    if (!needsClusterIp(service) || isHeadless(service)) return [];
    const { spec } = service;
    const held = new Set(addressesOf(old));
    const asked = spec.clusterIPs ?? [];
    if (asked.some((address) => address && !canonicalIp(address))) return [];
    const result: string[] = [];
    for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
      const pool = poolOf(family);
      const address = asked[index];
      if (!pool) continue;
      if (address) {
        const canonical = canonicalIp(address) ?? address;
        if (!held.has(canonical)) {
          const reservation = (poolOf(familyOf(address)) ?? pool).reserve(canonical);
          if (!reservation.ok) {
            return [invalid("spec.clusterIPs", asked, `failed to allocate IP ${address}: ${reservation.reason}`)];
          }
          taken.push(canonical);
        }
        result.push(address);
      } else {
        const free = pool.take();
        if (!free) return [internal("spec.clusterIPs", "failed to allocate a serviceIP: range is full")];
        taken.push(free);
        result.push(free);
      }
    }
    spec.clusterIPs = result.length >= asked.length ? result : asked;
    if (spec.clusterIPs[0] !== undefined) spec.clusterIP ||= spec.clusterIPs[0];
    return [];
  }

  /** One port: keeps, reserves or takes its number. `shared`: port number → node port, for TCP and UDP of one Service. */
  function allocateNodePorts(service: Service, old: Service | undefined, taken: number[]): FieldError[] {
    const { spec } = service;
    const exposed = spec.type === "NodePort" || spec.type === "LoadBalancer";
    const own = new Set(nodePortsOf(old));
    const shared = new Map<number, number>();
    const take = (): number | undefined => {
      const free = ports.take();
      if (free !== undefined) taken.push(free);
      if (free !== undefined) own.add(free);
      return free;
    };
    for (const [index, port] of (exposed ? (spec.ports ?? []) : []).entries()) {
      if (port.nodePort && !own.has(port.nodePort)) {
        const reservation = ports.reserve(port.nodePort);
        if (!reservation.ok) return [invalid(`spec.ports[${index}].nodePort`, port.nodePort, reservation.reason)];
        taken.push(port.nodePort);
        own.add(port.nodePort);
      }
      if (port.nodePort && !shared.has(port.port)) shared.set(port.port, port.nodePort);
    }
    for (const port of needsNodePorts(service) ? (spec.ports ?? []) : []) {
      if (port.nodePort) continue;
      const number = (old ? undefined : shared.get(port.port)) ?? take();
      if (number === undefined) return [internal("spec.ports", "failed to allocate a nodePort: range is full")];
      port.nodePort = number;
      shared.set(port.port, number);
    }
    if (!needsHealthCheckNodePort(service)) return [];
    if (old && needsHealthCheckNodePort(old)) spec.healthCheckNodePort ||= old.spec.healthCheckNodePort ?? 0;
    if (!spec.healthCheckNodePort) {
      const free = take();
      if (free === undefined) return [internal("spec.healthCheckNodePort", "failed to allocate a port: range is full")];
      spec.healthCheckNodePort = free;
    } else if (!own.has(spec.healthCheckNodePort)) {
      const reservation = ports.reserve(spec.healthCheckNodePort);
      if (!reservation.ok) {
        const words = `failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}`;
        return [internal("spec.healthCheckNodePort", `${words}: ${reservation.reason}`)];
      }
      taken.push(spec.healthCheckNodePort);
    }
    return [];
  }

  return {
    allocate(service, old) {
      const addresses: string[] = [];
      const numbers: number[] = [];
      const revert = (): void => {
        for (const address of addresses) releaseAddress(address);
        for (const number of numbers) ports.release(number);
      };
      if (old) fillNodePorts(service, old);
      if (needsClusterIp(service)) normalizeClusterIps(service, old);
      const configured = pools.map((pool) => pool.family);
      let faults = needsClusterIp(service) ? decideFamilies(service, old, configured) : [];
      if (faults.length === 0) faults = allocateAddresses(service, old, addresses);
      if (faults.length === 0) faults = allocateNodePorts(service, old, numbers);
      if (faults.length > 0) revert();
      const commit = (): void => {
        const keptAddresses = new Set(addressesOf(service));
        const keptPorts = new Set(nodePortsOf(service));
        for (const address of addressesOf(old)) if (!keptAddresses.has(address)) releaseAddress(address);
        for (const port of nodePortsOf(old)) if (!keptPorts.has(port)) ports.release(port);
      };
      return { faults, commit, revert };
    },
    adopt(service) {
      for (const address of addressesOf(service)) poolOf(familyOf(address))?.reserve(address);
      for (const port of nodePortsOf(service)) ports.reserve(port);
    },
    release(service) {
      for (const address of addressesOf(service)) releaseAddress(address);
      for (const port of nodePortsOf(service)) ports.release(port);
    },
  };
}
