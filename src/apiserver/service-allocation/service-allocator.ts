/** Gives Services their cluster IPs and node ports. Pure but for its own books; what is taken is rebuilt from the store. */
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { parseCidr } from "../../net/cidr.ts";
import { AddressSpace } from "./address-space.ts";
import { addressesOf, allocateClusterIps } from "./cluster-ip-allocation.ts";
import { decideFamilies, needsClusterIp } from "./families.ts";
import { allocateNodePorts, nodePortsOf } from "./node-port-allocation.ts";
import { createPortPool, type PortPool } from "./port-pool.ts";

export interface Allocation {
  /** Not empty: nothing is taken. A reason of "InternalError" means that a range is used up. */
  readonly faults: readonly FieldError[];
  /** Addresses that the Service did not have before, in canonical form. */
  readonly taken: readonly string[];
  /** The write succeeded: gives back what the old object had and the new one has not; these addresses are the result. */
  commit(): readonly string[];
  /** The write failed: gives back what was taken for it. */
  revert(): void;
}

export interface ServiceAllocatorOptions {
  /** One range for each family, the primary family first, e.g. ["10.96.0.0/16"]. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange: { readonly from: number; readonly to: number };
  readonly random?: () => number;
}

/** Books for a larger IPv6 range are not kept by Kubernetes either. */
const shortestIpv6Prefix = 64;

function familyOfRange(text: string): "IPv4" | "IPv6" {
  const cidr = parseCidr(text);
  if (!cidr) throw new RangeError(`Cannot use the Service range "${text}": it must be a CIDR such as 10.96.0.0/16`);
  if (cidr.ip.family === "IPv6" && cidr.prefix < shortestIpv6Prefix) {
    throw new RangeError(`Cannot use the Service range "${text}": an IPv6 range may be no larger than a /64`);
  }
  return cidr.ip.family;
}

/** The ServiceCIDR of the cluster's own ranges. */
export const defaultRange = "kubernetes";

/** Lives as long as the server. */
export class ServiceAllocator {
  readonly space: AddressSpace;
  readonly #ports: PortPool;

  constructor({ serviceCidrs, nodePortRange, random }: ServiceAllocatorOptions) {
    const families = serviceCidrs.map(familyOfRange);
    if (new Set(families).size < families.length) {
      throw new RangeError(`Cannot use the Service ranges "${serviceCidrs.join(",")}": one range for each family`);
    }
    this.space = new AddressSpace(families, random);
    this.space.setRanges(defaultRange, serviceCidrs, true);
    this.#ports = createPortPool(nodePortRange, random);
  }

  /** Fills the allocated fields of `service`, in place, and takes them. */
  allocate(service: Service, old?: Service): Allocation {
    const taken: string[] = [];
    const ports: number[] = [];
    const revert = (): void => this.#giveBack(taken, ports);
    const faults = this.#fill(service, old, { taken, ports });
    if (faults.length > 0) revert();
    const commit = (): string[] => {
      const kept = { addresses: new Set(addressesOf(service)), ports: new Set(nodePortsOf(service)) };
      const addresses = addressesOf(old).filter((address) => !kept.addresses.has(address));
      const former = nodePortsOf(old).filter((port) => !kept.ports.has(port));
      this.#giveBack(addresses, former);
      return addresses;
    };
    return { faults, taken: faults.length > 0 ? [] : taken, commit, revert };
  }

  /** Marks what a stored Service holds as taken; what another one holds already is left alone. */
  adopt(service: Service): void {
    for (const address of addressesOf(service)) this.space.adopt(address);
    for (const port of nodePortsOf(service)) this.#ports.reserve(port);
  }

  /** The Service is gone; its addresses are the result. */
  release(service: Service): readonly string[] {
    const addresses = addressesOf(service);
    this.#giveBack(addresses, nodePortsOf(service));
    return addresses;
  }

  #fill(service: Service, old: Service | undefined, books: { taken: string[]; ports: number[] }): FieldError[] {
    const faults = needsClusterIp(service) ? decideFamilies(service, old, this.space.families) : [];
    if (faults.length > 0) return faults;
    const refused = allocateClusterIps(service, old, { space: this.space, taken: books.taken });
    if (refused.length > 0) return refused;
    return allocateNodePorts(service, old, { pool: this.#ports, taken: books.ports });
  }

  #giveBack(addresses: readonly string[], ports: readonly number[]): void {
    for (const address of addresses) this.space.release(address);
    for (const port of ports) this.#ports.release(port);
  }
}
