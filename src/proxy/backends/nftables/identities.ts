/** Numbers that the kernel knows Service ports and endpoints by. They outlive the process: they are read back from its maps. */

import { targetBytes } from "../../../kernel/nftables/values.ts";
import type { ServicePort } from "../../state.ts";
import { localHandleBit } from "./layout.ts";

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

interface MutableIdentity {
  readonly id: number;
  handles: Map<string, number>;
}

/** Of all ports without affinity. */
const none = new Map<string, number>();

export class Identities {
  readonly #byPort = new Map<string, MutableIdentity>();
  readonly #usedIds = new Set<number>();
  readonly #usedHandles = new Set<number>();
  #lastId = 0;
  #lastHandle = 0;

  /** The port's numbers; makes the missing ones and forgets those of endpoints that are gone. */
  of(port: ServicePort, adopted?: Adopted): Identity {
    let identity = this.#byPort.get(port.name);
    if (!identity) {
      identity = { id: this.#takeId(adopted?.id), handles: none };
      this.#byPort.set(port.name, identity);
    }
    const before = identity.handles;
    if (!port.affinitySec && before === none) return identity;
    identity.handles = port.affinitySec ? new Map() : none;
    if (port.affinitySec) {
      for (const endpoint of [...port.clusterEndpoints, ...port.localEndpoints]) {
        const text = targetBytes(endpoint);
        if (identity.handles.has(text)) continue;
        identity.handles.set(text, before.get(text) ?? this.#takeHandle(adopted?.handles.get(text)));
      }
    }
    for (const [text, handle] of before) if (!identity.handles.has(text)) this.#usedHandles.delete(handle);
    return identity;
  }

  forget(portName: string): void {
    const identity = this.#byPort.get(portName);
    if (!identity) return;
    this.#byPort.delete(portName);
    this.#usedIds.delete(identity.id);
    for (const handle of identity.handles.values()) this.#usedHandles.delete(handle);
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

/** Numbers of chains in the maps of verdicts. There are few names, so none is ever given up. */
export class ChainNumbers {
  readonly #byName = new Map<string, number>();
  #last = 0;

  of(chain: string): number {
    const known = this.#byName.get(chain);
    if (known !== undefined) return known;
    this.adopt(chain, this.#last + 1);
    return this.#last;
  }

  adopt(chain: string, number: number): void {
    this.#byName.set(chain, number);
    this.#last = Math.max(this.#last, number);
  }
}

function next(last: number, used: ReadonlySet<number>): number {
  for (let number = last + 1; ; number++) {
    const candidate = number >= localHandleBit ? number - localHandleBit + 1 : number;
    if (!used.has(candidate)) return candidate;
  }
}
