/** The desired elements, with who wants each: some belong to several Service ports. */
import { Desired } from "./desired.ts";
import { valuesOf } from "./layout.ts";
import type { Element } from "./render.ts";

/** What stands for a port. */
export interface RenderedPort {
  /** The ServicePort's. */
  readonly name: string;
  readonly elements: readonly Element[];
}

const none: readonly RenderedPort[] = [];

export class Model {
  readonly desired = new Desired();
  readonly #ports = new Map<string, readonly RenderedPort[]>();
  /** How many want the element; absent for one. */
  readonly #references = new Map<string, number>();
  readonly #chainUses = new Map<string, number>();

  services(): IterableIterator<string> {
    return this.#ports.keys();
  }

  /**
   * Takes away all of a service's elements, and returns them. To replace several services, release all of them first: a key may
   * move between them.
   */
  release(service: string): readonly RenderedPort[] {
    const ports = this.#ports.get(service);
    if (!ports) return none;
    for (const { elements } of ports) for (const element of elements) this.#drop(element);
    this.#ports.delete(service);
    return ports;
  }

  acquire(service: string, ports: readonly RenderedPort[]): void {
    this.#ports.set(service, ports);
    for (const { elements } of ports) for (const element of elements) this.#want(element);
  }

  chainsInUse(): IterableIterator<string> {
    return this.#chainUses.keys();
  }

  #want({ set, key, value }: Element): void {
    if (this.desired.put(set, key, value) !== undefined) count(this.#references, `${set} ${key}`, 1, 1);
    if (valuesOf(set) === "verdict") count(this.#chainUses, value, 1, 0);
  }

  #drop({ set, key, value }: Element): void {
    const isShared = this.#references.has(`${set} ${key}`);
    if (isShared) count(this.#references, `${set} ${key}`, -1, 1);
    else this.desired.remove(set, key);
    if (valuesOf(set) === "verdict") count(this.#chainUses, value, -1, 0);
  }
}

/** A counter that is absent at its resting value. */
function count(counts: Map<string, number>, name: string, change: number, resting: number): void {
  const now = (counts.get(name) ?? resting) + change;
  if (now === resting) counts.delete(name);
  else counts.set(name, now);
}
