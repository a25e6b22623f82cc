/**
 * Which loopback address stands for a Service's address. Pure: by a hash of the address, so that it is the same after a
 * restart and on every machine; two that meet are told apart by probing, the first come keeps its place.
 */
import { hash } from "node:crypto";

/** Left alone: 127.0.0.0/16 is where programs of the machine listen (127.0.0.1, 127.0.0.53, 127.0.1.1), 127.255 is broadcast. */
const firstBlock = 1;
const blocks = 254;
const size = blocks * 65_536;

export class LoopbackAddresses {
  readonly #byVip = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** The address for `vip`, e.g. "10.96.0.1" → "127.57.18.203"; the same until it is freed. */
  of(vip: string): string {
    const known = this.#byVip.get(vip);
    if (known !== undefined) return known;
    const start = Number.parseInt(hash("sha256", vip).slice(0, 8), 16) % size;
    for (let step = 0; step < size; step++) {
      const address = addressAt((start + step) % size);
      if (address === undefined || this.#taken.has(address)) continue;
      this.#taken.add(address);
      this.#byVip.set(vip, address);
      return address;
    }
    throw new RangeError(`Cannot find a loopback address for "${vip}": all are taken`);
  }

  free(vip: string): void {
    const address = this.#byVip.get(vip);
    if (address === undefined) return;
    this.#byVip.delete(vip);
    this.#taken.delete(address);
  }
}

/** Undefined for those that end in 0 or 255, which look like a block's own and its broadcast address. */
function addressAt(index: number): string | undefined {
  const last = index & 255;
  if (last === 0 || last === 255) return undefined;
  return `127.${firstBlock + (index >> 16)}.${(index >> 8) & 255}.${last}`;
}
