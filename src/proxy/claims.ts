/**
 * Who answers where two Services want the same address, port and protocol, or the same node port. A clusterIP goes before
 * every other role, so that nobody captures a Service's traffic with an external IP; then the older Service, then by name.
 */

export interface Claimant {
  /** e.g. "default/web". */
  readonly service: string;
  /** metadata.creationTimestamp. */
  readonly created: string;
  readonly isClusterIp: boolean;
}

export interface Claim {
  /** e.g. "192.168.70.4/TCP/80". */
  readonly key: string;
  readonly isClusterIp: boolean;
}

export class Claims {
  /** By key: claimants, the owner first. */
  readonly #claimants = new Map<string, Claimant[]>();
  readonly #keys = new Map<string, readonly string[]>();

  /** Replaces all claims of the service and returns the other services that won or lost a key by it. */
  claim(service: string, created: string, keys: readonly Claim[]): Set<string> {
    const affected = new Set<string>();
    const before = new Map<string, string | undefined>();
    const touch = (key: string) => {
      if (!before.has(key)) before.set(key, this.owner(key));
    };
    for (const key of this.#keys.get(service) ?? []) {
      touch(key);
      this.#remove(key, service);
    }
    for (const { key, isClusterIp } of keys) {
      touch(key);
      this.#add(key, { service, created, isClusterIp });
    }
    if (keys.length > 0) this.#keys.set(service, [...new Set(keys.map(({ key }) => key))]);
    else this.#keys.delete(service);
    for (const [key, owner] of before) {
      const now = this.owner(key);
      if (now === owner) continue;
      for (const name of [now, owner]) if (name !== undefined && name !== service) affected.add(name);
    }
    return affected;
  }

  owner(key: string): string | undefined {
    return this.#claimants.get(key)?.[0]?.service;
  }

  #add(key: string, claimant: Claimant): void {
    const claimants = this.#claimants.get(key);
    if (!claimants) {
      this.#claimants.set(key, [claimant]);
      return;
    }
    claimants.push(claimant);
    claimants.sort(compareClaimants);
  }

  #remove(key: string, service: string): void {
    const rest = (this.#claimants.get(key) ?? []).filter((claimant) => claimant.service !== service);
    if (rest.length > 0) this.#claimants.set(key, rest);
    else this.#claimants.delete(key);
  }
}

function compareClaimants(a: Claimant, b: Claimant): number {
  if (a.isClusterIp !== b.isClusterIp) return a.isClusterIp ? -1 : 1;
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}
