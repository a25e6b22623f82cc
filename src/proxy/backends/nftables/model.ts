/** The desired elements, with who wants each: some belong to several Service ports. */
import { Desired } from "./desired.ts";
import type { Element } from "./elements.ts";
import { isVerdictMap } from "./layout.ts";

/** What stands for a port. */
export interface RenderedPort {
  /** The ServicePort's. */
  readonly name: string;
  readonly elements: readonly Element[];
}

const none: readonly never[] = [];

export class Model<Port extends RenderedPort = RenderedPort> {
  readonly desired = new Desired();
  readonly #ports = new Map<string, readonly Port[]>();
  /** set → key → how many want the element; absent for one. */
  readonly #references = new Map<string, Map<string, number>>();
  readonly #chainUses = new Map<string, number>();

  services(): IterableIterator<string> {
    return this.#ports.keys();
  }

  portsOf(service: string): readonly Port[] {
    return this.#ports.get(service) ?? none;
  }

  /**
   * Takes away all of a service's elements, and returns them. To replace several services, release all of them first: a key may
   * move between them.
   */
  release(service: string): readonly Port[] {
    const ports = this.#ports.get(service);
    if (!ports) return none;
    for (const { elements } of ports) for (const element of elements) this.#drop(element);
    this.#ports.delete(service);
    return ports;
  }

  acquire(service: string, ports: readonly Port[]): void {
    this.#ports.set(service, ports);
    for (const { elements } of ports) for (const element of elements) this.#want(element);
  }

  chainsInUse(): IterableIterator<string> {
    return this.#chainUses.keys();
  }

  #want(element: Element): void {
    const { set, key, value } = element;
    if (this.desired.put(set, element) !== undefined) count(this.#referencesOf(set), key, 1, 1);
    if (isVerdictMap(set)) count(this.#chainUses, value, 1, 0);
  }

  #drop({ set, key, value }: Element): void {
    const references = this.#referencesOf(set);
    if (references.has(key)) count(references, key, -1, 1);
    else this.desired.remove(set, key);
    if (isVerdictMap(set)) count(this.#chainUses, value, -1, 0);
  }

  #referencesOf(set: string): Map<string, number> {
    let references = this.#references.get(set);
    if (!references) {
      references = new Map();
      this.#references.set(set, references);
    }
    return references;
  }
}

/** A counter that is absent at its resting value. */
function count(counts: Map<string, number>, name: string, change: number, resting: number): void {
  const now = (counts.get(name) ?? resting) + change;
  if (now === resting) counts.delete(name);
  else counts.set(name, now);
}
