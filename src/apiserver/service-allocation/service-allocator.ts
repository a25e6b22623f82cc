/** Gives Services their cluster IPs and node ports. Pure but for its own pools; what is taken is rebuilt from the store. */
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { parseCidr } from "../../net/cidr.ts";
import { familyOf } from "../../net/ip.ts";
import { type AddressPool, createAddressPool } from "./address-pool.ts";
import { addressesOf, allocateClusterIps, poolOf } from "./cluster-ip-allocation.ts";
import { decideFamilies, needsClusterIp, normalizeClusterIps } from "./families.ts";
import { allocateNodePorts, fillNodePorts, nodePortsOf } from "./node-port-allocation.ts";
import { createPortPool, type PortPool } from "./port-pool.ts";

export interface Allocation {
  /** Not empty: nothing is taken. A reason of "InternalError" means that a range is used up. */
  readonly faults: readonly FieldError[];
  /** The write succeeded: gives back what the old object had and the new one has not. */
  commit(): void;
  /** The write failed: gives back what was taken for it. */
  revert(): void;
}

export interface ServiceAllocatorOptions {
  /** One range for each family, the primary family first, e.g. ["10.96.0.0/16"]. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange: { readonly from: number; readonly to: number };
  readonly random?: () => number;
}

function createPools({ serviceCidrs, random }: ServiceAllocatorOptions): AddressPool[] {
  return serviceCidrs.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr) throw new RangeError(`Cannot use the Service range "${text}": it must be a CIDR such as 10.96.0.0/16`);
    return createAddressPool(cidr, random);
  });
}

/** Lives as long as the server: it holds the pools. */
export class ServiceAllocator {
  readonly #addresses: readonly AddressPool[];
  readonly #ports: PortPool;

  constructor(options: ServiceAllocatorOptions) {
    this.#addresses = createPools(options);
    this.#ports = createPortPool(options.nodePortRange, options.random);
  }

  /** Fills the allocated fields of `service`, in place, and takes them from the pools. */
  allocate(service: Service, old?: Service): Allocation {
    const addresses: string[] = [];
    const ports: number[] = [];
    const revert = (): void => this.#giveBack(addresses, ports);
    const faults = this.#fill(service, old, { addresses, ports });
    if (faults.length > 0) revert();
    const commit = (): void => {
      const kept = { addresses: new Set(addressesOf(service)), ports: new Set(nodePortsOf(service)) };
      this.#giveBack(
        addressesOf(old).filter((address) => !kept.addresses.has(address)),
        nodePortsOf(old).filter((port) => !kept.ports.has(port)),
      );
    };
    return { faults, commit, revert };
  }

  /** Marks what a stored Service holds as taken; what another one holds already is left alone. */
  adopt(service: Service): void {
    for (const address of addressesOf(service)) poolOf(this.#addresses, familyOf(address))?.reserve(address);
    for (const port of nodePortsOf(service)) this.#ports.reserve(port);
  }

  release(service: Service): void {
    this.#giveBack(addressesOf(service), nodePortsOf(service));
  }

  #fill(service: Service, old: Service | undefined, taken: { addresses: string[]; ports: number[] }): FieldError[] {
    if (old) fillNodePorts(service, old);
    let faults: FieldError[] = [];
    if (needsClusterIp(service)) {
      normalizeClusterIps(service, old);
      const configured = this.#addresses.map(({ family }) => family);
      faults = decideFamilies(service, old, configured);
    }
    if (faults.length === 0) {
      faults = allocateClusterIps(service, old, { pools: this.#addresses, taken: taken.addresses });
    }
    if (faults.length === 0) faults = allocateNodePorts(service, old, { pool: this.#ports, taken: taken.ports });
    return faults;
  }

  #giveBack(addresses: readonly string[], ports: readonly number[]): void {
    for (const address of addresses) poolOf(this.#addresses, familyOf(address))?.release(address);
    for (const port of ports) this.#ports.release(port);
  }
}
