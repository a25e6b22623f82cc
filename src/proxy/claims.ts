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

  /** Puts the claims of a service in place of those that it had, and returns the other services that won or lost a key by it. */
  replace(
    { service, created }: Pick<Claimant, "service" | "created">,
    before: readonly Claim[],
    claims: readonly Claim[],
  ): Set<string> {
    const affected = new Set<string>();
    for (const { key } of before)
      if (!claims.some((claim) => claim.key === key)) this.#put(key, service, undefined, affected);
    for (const { key, isClusterIp } of claims) this.#put(key, service, { service, created, isClusterIp }, affected);
    return affected;
  }

  owner(key: string): string | undefined {
    return this.#claimants.get(key)?.[0]?.service;
  }

  #put(key: string, service: string, own: Claimant | undefined, affected: Set<string>): void {
    const before = this.#claimants.get(key) ?? none;
    const others = before.filter((claimant) => claimant.service !== service);
    const now = own ? [...others, own].sort(compareClaimants) : others;
    if (now.length > 0) this.#claimants.set(key, now);
    else this.#claimants.delete(key);
    for (const one of [before[0], now[0]])
      if (one && one.service !== service && before[0]?.service !== now[0]?.service) affected.add(one.service);
  }
}

function compareClaimants(a: Claimant, b: Claimant): number {
  if (a.isClusterIp !== b.isClusterIp) return a.isClusterIp ? -1 : 1;
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}
