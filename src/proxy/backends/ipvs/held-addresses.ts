/** The VIPs of one family on our link, and the addresses that the node has without us. */
import type { VipLink } from "../../../kernel/ipvs/port.ts";
import { familyOf, type IpFamily } from "../../../net/ip.ts";

export interface AddressPlan {
  readonly missing: readonly string[];
  readonly gone: readonly string[];
}

export class HeldAddresses {
  readonly #family: IpFamily;
  readonly #link: VipLink;
  #bound = new Set<string>();
  #others = new Set<string>();

  constructor(family: IpFamily, link: VipLink) {
    this.#family = family;
    this.#link = link;
  }

  /** Of the link. */
  get bound(): ReadonlySet<string> {
    return this.#bound;
  }

  /** Of all other links. */
  get others(): ReadonlySet<string> {
    return this.#others;
  }

  /** Says whether anything was not as we believed. */
  observe(): boolean {
    const { bound, others } = this.#link.read();
    const ofFamily = (all: readonly string[]) => new Set(all.filter((address) => familyOf(address) === this.#family));
    const [boundNow, othersNow] = [ofFamily(bound), ofFamily(others)];
    const isNew = !isEqual(boundNow, this.#bound) || !isEqual(othersNow, this.#others);
    this.#bound = boundNow;
    this.#others = othersNow;
    return isNew;
  }

  /** An address that the node has already must not be bound: it would be its twice, and its own servers would be hidden. */
  isWanted(address: string, desired: ReadonlyMap<string, string> | undefined): boolean {
    return (desired?.has(address) ?? false) && !this.#others.has(address);
  }

  plan(touched: Iterable<string>, desired: ReadonlyMap<string, string> | undefined): AddressPlan {
    const missing: string[] = [];
    const gone: string[] = [];
    for (const address of touched) {
      const isWanted = this.isWanted(address, desired);
      if (isWanted && !this.#bound.has(address)) missing.push(address);
      if (!isWanted && this.#bound.has(address)) gone.push(address);
    }
    return { missing, gone };
  }

  bind({ missing }: AddressPlan): void {
    this.#link.bind(missing);
    for (const address of missing) this.#bound.add(address);
  }

  unbind({ gone }: AddressPlan): void {
    this.#link.unbind(gone);
    for (const address of gone) this.#bound.delete(address);
  }
}

const isEqual = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
