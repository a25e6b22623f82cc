/** Numbers that the kernel knows Service ports and endpoints by. They outlive the process: they are read back from its maps. */

import type { Bytes } from "../../../kernel/nftables/port.ts";
import { targetBytes, u32 } from "../../../kernel/nftables/values.ts";
import type { ServicePort } from "../../state.ts";
import type { Element } from "./elements.ts";
import { localHandleBit, type VerdictMap, verdictMaps } from "./layout.ts";

/** What rendering one Service port needs. */
export interface Identity {
  readonly id: number;
  /** targetBytes → handle; only with affinity. A new endpoint gets a new handle, so no client is remembered for an older one. */
  readonly handles: ReadonlyMap<string, number>;
}

/** What a former process called the port. */
export interface Adopted {
  readonly id: number | undefined;
  readonly handles: ReadonlyMap<string, number>;
}

/** Of all ports without affinity. */
const none: ReadonlyMap<string, number> = new Map();

export class Identities {
  readonly #usedIds = new Set<number>();
  readonly #usedHandles = new Set<number>();
  #lastId = 0;
  #lastHandle = 0;

  /** The port's numbers: those that it has, which are given up by this, or those of a former process, and new ones for what has none. */
  of(port: ServicePort, before: Identity | undefined, adopted?: Adopted): Identity {
    const id = before?.id ?? this.#takeId(adopted?.id);
    const known = before?.handles ?? none;
    if (!port.affinitySec && known === none) return before ?? { id, handles: none };
    const handles = new Map<string, number>();
    for (const endpoint of port.affinitySec ? [...port.clusterEndpoints, ...port.localEndpoints] : []) {
      const text = targetBytes(endpoint);
      if (!handles.has(text)) handles.set(text, known.get(text) ?? this.#takeHandle(adopted?.handles.get(text)));
    }
    for (const [text, handle] of known) if (!handles.has(text)) this.#usedHandles.delete(handle);
    return { id, handles: port.affinitySec ? handles : none };
  }

  forget({ id, handles }: Identity): void {
    this.#usedIds.delete(id);
    for (const handle of handles.values()) this.#usedHandles.delete(handle);
  }

  /** Numbers go round, so that one is used again as late as can be. */
  #takeId(wanted: number | undefined): number {
    const id = wanted && !this.#usedIds.has(wanted) ? wanted : next(this.#lastId, this.#usedIds);
    if (id !== wanted) this.#lastId = id;
    this.#usedIds.add(id);
    return id;
  }

  #takeHandle(wanted: number | undefined): number {
    const handle = wanted && !this.#usedHandles.has(wanted) ? wanted : next(this.#lastHandle, this.#usedHandles);
    if (handle !== wanted) this.#lastHandle = handle;
    this.#usedHandles.add(handle);
    return handle;
  }

  /** The newest handle: the next process must go on behind it. */
  get lastHandle(): number {
    return this.#lastHandle;
  }

  /** No id or handle below these is given to a newcomer: clients may be remembered for them. */
  reserve(id: number, handle: number): void {
    this.#lastId = Math.max(this.#lastId, id);
    this.#lastHandle = Math.max(this.#lastHandle, handle);
  }
}

/** A chain in the maps of verdicts. */
export interface NumberedChain {
  readonly number: Bytes;
  /** number → chain in each of them: elements that many ports have. */
  readonly entries: Readonly<Record<VerdictMap, Element>>;
}

/** Numbers of chains in the maps of verdicts. There are few names, so none is ever given up. */
export class ChainNumbers {
  readonly #byName = new Map<string, NumberedChain>();
  #last = 0;

  of(chain: string): NumberedChain {
    return this.#byName.get(chain) ?? this.adopt(chain, this.#last + 1);
  }

  adopt(chain: string, number: number): NumberedChain {
    this.#last = Math.max(this.#last, number);
    const key = u32(number);
    const entries = verdictMaps.map((set): [VerdictMap, Element] => [set, { set, key, value: chain }]);
    const numbered = { number: key, entries: Object.fromEntries(entries) as Record<VerdictMap, Element> };
    this.#byName.set(chain, numbered);
    return numbered;
  }
}

function next(last: number, used: ReadonlySet<number>): number {
  for (let number = last + 1; ; number++) {
    const candidate = number >= localHandleBit ? number - localHandleBit + 1 : number;
    if (!used.has(candidate)) return candidate;
  }
}
