/** Numbers that the programs know Service ports and endpoints by. They outlive the process: they are read back from the maps. */
import { endpointText, type ServicePort } from "../../state.ts";

/** What rendering one Service port needs. */
export interface Identity {
  readonly id: number;
  /** endpointText → handle; 0 where nobody is remembered. A new endpoint gets a new handle, so no client is remembered for an older one. */
  readonly handles: ReadonlyMap<string, number>;
}

/** What a former process called the port. */
export type Adopted = Identity;

/** Clients or datagram sockets come back to their endpoint. */
export function isRemembered({ affinitySec, protocol }: ServicePort): boolean {
  return affinitySec > 0 || protocol === "UDP";
}

/** Of all ports of which nobody is remembered. */
const none = new Map<string, number>();

/** Sets are numbered by twice the id. */
const maxId = 2 ** 30;

export class Identities {
  readonly #byPort = new Map<string, Identity>();
  readonly #usedIds = new Set<number>();
  #lastId = 0;
  #lastHandle = 0;

  /** The port's numbers; makes the missing ones and forgets those of endpoints that are gone. */
  of(port: ServicePort, adopted?: Adopted): Identity {
    const before = this.#byPort.get(port.name) ?? (adopted && this.#isFree(adopted.id) ? adopted : undefined);
    let handles: Map<string, number> = none;
    if (isRemembered(port)) {
      handles = new Map();
      for (const endpoint of [...port.clusterEndpoints, ...port.localEndpoints]) {
        const text = endpointText(endpoint);
        if (!handles.has(text)) handles.set(text, before?.handles.get(text) || ++this.#lastHandle);
      }
    }
    const identity = { id: before?.id ?? this.#nextId(), handles };
    this.#usedIds.add(identity.id);
    this.#byPort.set(port.name, identity);
    return identity;
  }

  forget(portName: string): void {
    const identity = this.#byPort.get(portName);
    if (!identity) return;
    this.#byPort.delete(portName);
    this.#usedIds.delete(identity.id);
  }

  get last(): { readonly lastId: number; readonly lastHandle: number } {
    return { lastId: this.#lastId, lastHandle: this.#lastHandle };
  }

  /** No number up to these is given to a newcomer: clients may be remembered for them. */
  reserve({ lastId, lastHandle }: { lastId: number; lastHandle: number }): void {
    this.#lastId = lastId;
    this.#lastHandle = lastHandle;
  }

  #isFree(id: number): boolean {
    return !this.#usedIds.has(id);
  }

  /** Numbers go round, so that one is used again as late as can be. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % (maxId - 1)) + 1;
    while (this.#usedIds.has(this.#lastId));
    return this.#lastId;
  }
}
