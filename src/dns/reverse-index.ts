/** Address → the names that it has: of a ClusterIP one Service, of an endpoint its name in each headless Service (specification 2.3.3, 2.4.3). */
import type { ServiceFacts, SliceFacts } from "./facts.ts";
import { endpointName } from "./service-records.ts";
import { labelKey } from "./wire/name.ts";

type SlicesByName = ReadonlyMap<string, SliceFacts>;

export class ReverseIndex {
  /** Address → Service → its names; a Service's own come before those of endpoints. */
  readonly #byAddress = new Map<string, Map<string, ReadonlySet<string>>>();
  /** Service → its addresses now in the index. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** Changed since the last question: a slice of many that arrive together is not worth a pass of its own. */
  readonly #pending = new Map<string, { facts: ServiceFacts; slices: SlicesByName }>();

  /** `service` is the key of the Service's name in front of the zone; `slices` is read when the next question comes. */
  put(service: string, facts: ServiceFacts, slices: SlicesByName): void {
    this.#pending.set(service, { facts, slices });
  }

  /** Keys, in front of the zone, of the names that `address` (canonical) has. */
  targets(address: string): string[] {
    for (const [service, { facts, slices }] of this.#pending) this.#apply(service, namesOf(service, facts, slices));
    this.#pending.clear();
    const services = this.#byAddress.get(address);
    if (!services) return [];
    // A ClusterIP belongs to one Service, whatever endpoints claim it.
    for (const [service, names] of services) if (names.has(service)) return [service];
    return [...services.values()].flatMap((names) => [...names]);
  }

  #apply(service: string, names: ReadonlyMap<string, ReadonlySet<string>>): void {
    for (const address of this.#addresses.get(service) ?? []) {
      const services = this.#byAddress.get(address);
      services?.delete(service);
      if (services?.size === 0) this.#byAddress.delete(address);
    }
    for (const [address, targets] of names) {
      const services = this.#byAddress.get(address);
      if (services) services.set(service, targets);
      else this.#byAddress.set(address, new Map([[service, targets]]));
    }
    if (names.size === 0) this.#addresses.delete(service);
    else this.#addresses.set(service, [...names.keys()]);
  }
}

/** Address → names, as far as this Service gives any. */
function namesOf(service: string, facts: ServiceFacts, slices: SlicesByName): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  if (facts.kind === "cluster") for (const ip of facts.ips) names.set(ip, new Set([service]));
  if (facts.kind !== "headless") return names;
  for (const { endpoints } of slices.values()) {
    for (const { addresses, hostname } of endpoints) {
      for (const address of addresses) {
        const target = labelKey(endpointName(hostname, address)) + service;
        names.set(address, (names.get(address) ?? new Set()).add(target));
      }
    }
  }
  return names;
}
