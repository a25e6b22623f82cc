/**
 * Marks by which packets of near clients (Pods and processes of this node) find the virtual service that has all endpoints,
 * where externalTrafficPolicy Local gives the address itself only local ones.
 *
 *   bits 31..24: 0xf1    bits 23..0: number of the Service port
 *
 * The mark is on a connection's first packets only, inside this node. It outlives the process: it is read back from the rules.
 */

import { addressBytes, portBytes, protocolBytes, readU32 } from "../../../kernel/nftables/values.ts";
import type { ServicePort } from "../../state.ts";
import type { Elements } from "../nftables/elements.ts";

export const nearPrefix = 0xf1000000;
export const nearMask = 0xff000000;
const maxNumber = 0xffffff;

export const isNearMark = (mark: number): boolean => (mark & nearMask) >>> 0 === nearPrefix;

/** address . protocol . port */
export function vipKey(address: string, { protocol }: Pick<ServicePort, "protocol">, port: number): string {
  return addressBytes(address) + protocolBytes(protocol) + portBytes(port);
}

export function portKey({ protocol }: Pick<ServicePort, "protocol">, port: number): string {
  return protocolBytes(protocol) + portBytes(port);
}

export class NearMarks {
  readonly #byPort = new Map<string, number>();
  readonly #used = new Set<number>();
  /** Key in the rules → mark, of a former process. */
  #former = new Map<string, number>();
  #last = 0;

  adopt(observed: Elements): void {
    for (const set of ["near", "near-ports"]) {
      for (const [key, value] of observed.get(set) ?? []) {
        this.#former.set(key, readU32(value));
        this.#used.add(readU32(value));
      }
    }
  }

  /** The former process's marks that no port has taken over may be given again. */
  endAdoption(): void {
    this.#former = new Map();
    this.#used.clear();
    for (const mark of this.#byPort.values()) this.#used.add(mark);
  }

  of(port: ServicePort): number {
    const known = this.#byPort.get(port.name);
    if (known !== undefined) return known;
    const mark = this.#formerOf(port) ?? this.#next();
    this.#byPort.set(port.name, mark);
    this.#used.add(mark);
    return mark;
  }

  forget(portName: string): void {
    const mark = this.#byPort.get(portName);
    if (mark === undefined) return;
    this.#byPort.delete(portName);
    this.#used.delete(mark);
  }

  #formerOf(port: ServicePort): number | undefined {
    const keys = [
      ...port.vips.map(({ address }) => vipKey(address, port, port.port)),
      ...(port.nodePort ? [portKey(port, port.nodePort)] : []),
    ];
    const taken = new Set(this.#byPort.values());
    return keys.map((key) => this.#former.get(key)).find((mark) => mark !== undefined && !taken.has(mark));
  }

  #next(): number {
    do this.#last = (this.#last % maxNumber) + 1;
    while (this.#used.has((nearPrefix | this.#last) >>> 0));
    return (nearPrefix | this.#last) >>> 0;
  }
}
