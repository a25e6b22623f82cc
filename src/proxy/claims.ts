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

const none: readonly Claimant[] = [];

export class Claims {
  /** By key: claimants, the owner first. */
  readonly #claimants = new Map<string, readonly Claimant[]>();
  readonly #claims = new Map<string, readonly Claim[]>();

  /** Replaces all claims of the service and returns the other services that won or lost a key by it. */
  claim(service: string, created: string, claims: readonly Claim[]): Set<string> {
    const affected = new Set<string>();
    const put = (key: string, others: readonly Claimant[], own?: Claimant) => {
      const before = this.owner(key);
      const now = own ? [...others, own].sort(compareClaimants) : others;
      if (now.length > 0) this.#claimants.set(key, now);
      else this.#claimants.delete(key);
      if (others.length === 0 || now[0]?.service === before) return;
      for (const name of [now[0]?.service, before]) if (name !== undefined && name !== service) affected.add(name);
    };
    for (const { key } of this.#claims.get(service) ?? [])
      if (!claims.some((claim) => claim.key === key)) put(key, this.#others(key, service));
    for (const { key, isClusterIp } of claims) put(key, this.#others(key, service), { service, created, isClusterIp });
    if (claims.length > 0) this.#claims.set(service, claims);
    else this.#claims.delete(service);
    return affected;
  }

  owner(key: string): string | undefined {
    return this.#claimants.get(key)?.[0]?.service;
  }

  #others(key: string, service: string): readonly Claimant[] {
    return this.#claimants.get(key)?.filter((claimant) => claimant.service !== service) ?? none;
  }
}

function compareClaimants(a: Claimant, b: Claimant): number {
  if (a.isClusterIp !== b.isClusterIp) return a.isClusterIp ? -1 : 1;
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}
