/**
 * EndpointSlices as they are kept: what endpoints have in common, which is all but the address, is there once for all of them,
 * and the addresses of a slice are one text. 100,000 endpoints as objects would be a fifth of the heap, and of its collections.
 */
import type { EndpointSlice } from "../api/object.ts";
import type { Split } from "../client/protobuf.ts";

type SliceEndpoint = EndpointSlice["endpoints"][number];
/** All of an endpoint that is read but the address. */
type Traits = Pick<SliceEndpoint, "conditions" | "nodeName" | "hints">;

class CompactSlice implements Omit<EndpointSlice, "ports"> {
  readonly apiVersion = "discovery.k8s.io/v1";
  readonly kind = "EndpointSlice";
  readonly metadata: EndpointSlice["metadata"];
  readonly addressType: EndpointSlice["addressType"];
  readonly ports: EndpointSlice["ports"] | undefined;
  /** One for each of the traits, with spaces between. */
  readonly #addresses: string;
  readonly #traits: readonly Traits[];

  constructor({ metadata, addressType, ports }: EndpointSlice, { texts, shared }: Split<Traits>) {
    this.metadata = metadata;
    this.addressType = addressType;
    this.ports = ports;
    this.#addresses = texts;
    this.#traits = shared;
  }

  /** Made anew each time: they live as long as one computation. */
  get endpoints(): SliceEndpoint[] {
    const addresses = this.#addresses.split(" ");
    return this.#traits.map(({ conditions, nodeName, hints }, index) => {
      return { addresses: [addresses[index] ?? ""], conditions, nodeName, hints } as SliceEndpoint;
    });
  }
}

/** Keeps of the slice what the proxy reads: as `sliceShape` has it, or whole from a server that speaks JSON only. */
export function compactSlice(slice: EndpointSlice): EndpointSlice {
  const endpoints = (slice.endpoints ?? []) as readonly SliceEndpoint[] | Split<Traits>;
  return new CompactSlice(slice, "texts" in endpoints ? endpoints : splitOf(endpoints)) as EndpointSlice;
}

function splitOf(endpoints: readonly SliceEndpoint[]): Split<Traits> {
  return {
    texts: endpoints.map(({ addresses }) => addresses?.[0] ?? "").join(" "),
    shared: endpoints.map(({ conditions, nodeName, hints }) => ({ conditions, nodeName, hints }) as Traits),
  };
}
