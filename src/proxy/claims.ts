/**
 * Who answers where two Services want the same address, port and protocol, or the same node port. A clusterIP goes before
 * every other role, so that nobody captures a Service's traffic with an external IP; then the older Service, then by name.
 */

export interface Claim {
  /** What is wanted, e.g. "192.168.70.4/TCP/80". */
  readonly key: string;
  /** Who wants it, e.g. "default/web". */
  readonly service: string;
  /** Its metadata.creationTimestamp. */
  readonly created: string;
  readonly isClusterIp: boolean;
}

export class Claims {
  readonly #owners = new Map<string, Claim>();
  /** All claims to what several Services want, the owner's first. */
  readonly #contested = new Map<string, readonly Claim[]>();

  /** Nothing is wanted twice. */
  get isPeaceful(): boolean {
    return this.#contested.size === 0;
  }

  /** Puts the claims of a Service in place of those that it had, and returns the other Services that won or lost a key by it. */
  replace(before: readonly Claim[], claims: readonly Claim[]): readonly string[] {
    const affected: string[] = [];
    for (const claim of before) if (!claims.some(({ key }) => key === claim.key)) this.#set(claim, undefined, affected);
    for (const claim of claims) this.#set(claim, claim, affected);
    return affected;
  }

  owner(key: string): string | undefined {
    return this.#owners.get(key)?.service;
  }

  /** The claim that the Service now has in place of one to the same key. */
  #set({ key, service }: Claim, now: Claim | undefined, affected: string[]): void {
    const owner = this.#owners.get(key);
    const rivals = this.#contested.get(key);
    // So it nearly always is.
    if (!rivals && now && (!owner || owner.service === service)) {
      this.#owners.set(key, now);
      return;
    }
    const others = (rivals ?? (owner ? [owner] : [])).filter((claim) => claim.service !== service);
    const all = now ? [...others, now].sort(compareClaims) : others;
    const [first] = all;
    if (first) this.#owners.set(key, first);
    else this.#owners.delete(key);
    if (all.length > 1) this.#contested.set(key, all);
    else this.#contested.delete(key);
    if (owner?.service === first?.service) return;
    for (const one of [owner, first]) if (one && one.service !== service) affected.push(one.service);
  }
}

function compareClaims(a: Claim, b: Claim): number {
  if (a.isClusterIp !== b.isClusterIp) return a.isClusterIp ? -1 : 1;
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
}
