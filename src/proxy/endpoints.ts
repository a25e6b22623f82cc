/** The slices of a Service → the endpoints of one of its ports. */
import type { Bytes } from "../kernel/nftables/port.ts";
import { piecesOf, targetListBytes } from "../kernel/nftables/values.ts";
import { formatIp, type IpFamily, ipFromBytes } from "../net/ip.ts";
import type { PackedSlice, Traits } from "./packed-slice.ts";
import type { Endpoint, Protocol } from "./state.ts";

/** Absent conditions: ready and serving are true, terminating is false (EndpointConditions' field docs). */
export const isReady = ({ conditions }: Traits): boolean => conditions?.ready ?? true;
export const isServing = ({ conditions }: Traits): boolean => conditions?.serving ?? true;
export const isTerminating = ({ conditions }: Traits): boolean => conditions?.terminating ?? false;

/** Length of a target: an address, and a port padded to 4 bytes. */
const widths: Readonly<Record<IpFamily, number>> = { IPv4: 8, IPv6: 20 };

/** Endpoints sorted by address and port, packed: as objects they exist while somebody looks at them. */
export class Endpoints implements Iterable<Endpoint> {
  /** address . port of each, in network order, as DNAT takes them (`targetBytes` of ../kernel/nftables/values.ts). */
  readonly targets: Bytes;
  readonly traits: readonly Traits[];
  readonly #family: IpFamily;
  /** The node that is asked about. */
  readonly #here: string;

  constructor(of: { family: IpFamily; here: string }, targets: Bytes = "", traits: readonly Traits[] = []) {
    this.#family = of.family;
    this.#here = of.here;
    this.targets = targets;
    this.traits = traits;
  }

  get length(): number {
    return this.traits.length;
  }

  [Symbol.iterator](): Iterator<Endpoint> {
    return this.map((endpoint) => endpoint)[Symbol.iterator]();
  }

  map<T>(change: (endpoint: Endpoint, index: number) => T): T[] {
    return this.traits.map((_, index) => change(this.#at(index), index));
  }

  /** Those whose traits pass: mostly all or none. */
  filter(test: (traits: Traits) => boolean): Endpoints {
    if (this.traits.every(test)) return this;
    const passes = this.traits.filter(test);
    const width = widths[this.#family];
    const targets =
      passes.length > 0
        ? this.traits
            .map((traits, at) => (test(traits) ? this.targets.slice(at * width, (at + 1) * width) : ""))
            .join("")
        : "";
    return new Endpoints({ family: this.#family, here: this.#here }, targets, passes);
  }

  /** Those on this node. */
  local(): Endpoints {
    return this.filter((traits) => this.#isLocal(traits));
  }

  /** Those that may be on this node. */
  near(): Endpoints {
    return this.filter((traits) => this.#isLocal(traits) || !traits.nodeName);
  }

  #isLocal({ nodeName }: Traits): boolean {
    return nodeName === this.#here && nodeName !== "";
  }

  #at(index: number): Endpoint {
    const width = widths[this.#family];
    const bytes = Buffer.from(this.targets.slice(index * width, (index + 1) * width), "latin1");
    const traits = this.traits[index] as Traits;
    return {
      ip: this.#family === "IPv4" ? bytes.subarray(0, 4).join(".") : formatIp(ipFromBytes(bytes.subarray(0, 16))),
      port: bytes.readUInt16BE(width - 4),
      local: this.#isLocal(traits),
      unplaced: !traits.nodeName,
    };
  }
}

/**
 * All endpoints of the port, each address once: one that does not terminate stands for the address before one that does (a
 * Pod's address may be used again while the old Pod's entry is still there), otherwise the last slice by name. Ports match by
 * name and protocol (EndpointSlice's field docs).
 */
export function endpointsOf(
  slices: readonly PackedSlice[],
  { family, ...port }: { readonly name: string; readonly protocol: Protocol; readonly family: IpFamily },
  here: string,
): Endpoints {
  const parts: Part[] = [];
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const number of portNumbers(slice, port)) parts.push({ slice, number });
  }
  const [first] = parts;
  if (!first) return new Endpoints({ family, here });
  if (parts.length === 1 && first.slice.isUnique)
    return new Endpoints({ family, here }, targetsOf(first), first.slice.traits);
  const items = parts.flatMap((part) => itemsOf(part.slice, targetsOf(part), family));
  // The sort keeps the order of equals.
  const chosen = oneForEach(items.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0)));
  const targets = chosen.map(({ target }) => target).join("");
  return new Endpoints(
    { family, here },
    targets,
    chosen.map(({ traits }) => traits),
  );
}

interface Item {
  readonly target: Bytes;
  readonly traits: Traits;
}

function itemsOf({ traits }: PackedSlice, targets: Bytes, family: IpFamily): Item[] {
  return piecesOf(targets, widths[family]).map((target, at) => ({ target, traits: traits[at] as Traits }));
}

function oneForEach(sorted: readonly Item[]): Item[] {
  const chosen: Item[] = [];
  for (const item of sorted) {
    const before = chosen.at(-1)?.target === item.target ? chosen.pop() : undefined;
    chosen.push(before && !isTerminating(before.traits) && isTerminating(item.traits) ? before : item);
  }
  return chosen;
}

function portNumbers({ ports = [] }: PackedSlice, wanted: { name: string; protocol: Protocol }): number[] {
  const numbers: number[] = [];
  for (const { name = "", protocol = "TCP", port } of ports)
    if (name === wanted.name && protocol === wanted.protocol && port) numbers.push(port);
  return numbers;
}

/** A slice's endpoints, with one of its port numbers. */
interface Part {
  readonly slice: PackedSlice;
  readonly number: number;
}

const targetsOf = ({ slice, number }: Part): Bytes => targetListBytes(slice.addresses, number, slice.width);
