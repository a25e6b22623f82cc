/**
 * EndpointSlices as they are kept: what endpoints have in common, which is all but the address, is there once for all of them,
 * and the addresses of a slice are one text. 100,000 endpoints as objects would be a fifth of the heap, and of its collections.
 */
import type { EndpointSlice } from "../api/object.ts";

type SliceEndpoint = EndpointSlice["endpoints"][number];
/** All of an endpoint that is read but the address. */
type Traits = Pick<SliceEndpoint, "conditions" | "nodeName" | "hints">;
type Names = readonly { readonly name: string }[];
/** The published types lack `forNodes`. */
type Hints = { readonly forZones?: Names; readonly forNodes?: Names } | undefined;

class CompactSlice implements Omit<EndpointSlice, "ports"> {
  readonly apiVersion = "discovery.k8s.io/v1";
  readonly kind = "EndpointSlice";
  readonly metadata: EndpointSlice["metadata"];
  readonly addressType: EndpointSlice["addressType"];
  readonly ports: EndpointSlice["ports"] | undefined;
  /** One for each of the traits, with spaces between. */
  readonly #addresses: string;
  readonly #traits: readonly Traits[];

  constructor({ metadata, addressType, ports, endpoints }: EndpointSlice) {
    this.metadata = metadata;
    this.addressType = addressType;
    this.ports = ports;
    this.#addresses = (endpoints ?? []).map(({ addresses }) => addresses?.[0] ?? "").join(" ");
    this.#traits = (endpoints ?? []).map(sharedTraits);
  }

  /** Made anew each time: they live as long as one computation. */
  get endpoints(): SliceEndpoint[] {
    const addresses = this.#addresses.split(" ");
    return this.#traits.map(({ conditions, nodeName, hints }, index) => {
      return { addresses: [addresses[index] ?? ""], conditions, nodeName, hints } as SliceEndpoint;
    });
  }
}

/** Keeps of the slice what the proxy reads. */
export const compactSlice = (slice: EndpointSlice): EndpointSlice => new CompactSlice(slice) as EndpointSlice;

/** By node, of which each has few. */
const known = new Map<string, Traits[]>();
let count = 0;
/** Nodes come and go: then all are forgotten, and shared anew. */
const mostTraits = 20_000;

function sharedTraits(endpoint: SliceEndpoint): Traits {
  const { conditions, nodeName, hints } = endpoint;
  for (const one of known.get(nodeName ?? "") ?? []) if (isSame(one, endpoint)) return one;
  const own = { conditions, nodeName, hints } as Traits;
  if (++count > mostTraits) {
    known.clear();
    count = 1;
  }
  known.set(nodeName ?? "", [...(known.get(nodeName ?? "") ?? []), own]);
  return own;
}

function isSame(a: Traits, b: Traits): boolean {
  const hints = a.hints as Hints;
  const others = b.hints as Hints;
  return (
    a.conditions?.ready === b.conditions?.ready &&
    a.conditions?.serving === b.conditions?.serving &&
    a.conditions?.terminating === b.conditions?.terminating &&
    (a.nodeName ?? "") === (b.nodeName ?? "") &&
    areSame(hints?.forZones, others?.forZones) &&
    areSame(hints?.forNodes, others?.forNodes)
  );
}

const noNames: Names = [];

const areSame = (a = noNames, b = noNames): boolean =>
  a === b || (a.length === b.length && a.every(({ name }, index) => name === b[index]?.name));
