/** The desired elements, with who wants each: some belong to several Service ports. */
import { Desired } from "./desired.ts";
import { valuesOf } from "./layout.ts";
import type { Element } from "./render.ts";

export class Model {
  readonly desired = new Desired();
  readonly #byPort = new Map<string, readonly Element[]>();
  readonly #portsByService = new Map<string, readonly string[]>();
  /** How many want the element; absent for one. */
  readonly #references = new Map<string, number>();
  readonly #chainUses = new Map<string, number>();

  services(): IterableIterator<string> {
    return this.#portsByService.keys();
  }

  portsOf(service: string): readonly string[] {
    return this.#portsByService.get(service) ?? [];
  }

  elementsOf(port: string): readonly Element[] {
    return this.#byPort.get(port) ?? [];
  }

  /** Takes away all of a service's elements. To replace several services, release all of them first: a key may move between them. */
  release(service: string): void {
    for (const port of this.portsOf(service)) {
      for (const element of this.elementsOf(port)) this.#drop(element);
      this.#byPort.delete(port);
    }
    this.#portsByService.delete(service);
  }

  acquire(service: string, ports: ReadonlyMap<string, readonly Element[]>): void {
    if (ports.size === 0) return;
    this.#portsByService.set(service, [...ports.keys()]);
    for (const [port, elements] of ports) {
      this.#byPort.set(port, elements);
      for (const element of elements) this.#want(element);
    }
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
