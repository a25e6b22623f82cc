/**
 * EndpointSlices as they are kept: the addresses as bytes in one text, and what endpoints have in common, which is all but the
 * address, once for all of them. 100,000 endpoints as objects would be a fifth of the heap, and most of the work of a start.
 */
import type { EndpointSlice } from "../api/object.ts";
import type { Split } from "../client/message-shape.ts";
import type { Bytes } from "../kernel/nftables/port.ts";
import { piecesOf } from "../kernel/nftables/values.ts";
import { ipToBytes, parseIpSloppy } from "../net/ip.ts";

type SliceEndpoint = EndpointSlice["endpoints"][number];
/** All of an endpoint that is read but the address. */
export type Traits = Pick<SliceEndpoint, "conditions" | "nodeName" | "hints">;

export class PackedSlice {
  readonly metadata: EndpointSlice["metadata"];
  readonly addressType: EndpointSlice["addressType"];
  readonly ports: EndpointSlice["ports"] | undefined;
  /** Length of an address: 4 or 16 bytes. */
  readonly width: number;
  /** In network order, sorted. Only an endpoint's first address counts (EndpointSlice's field docs). */
  readonly addresses: Bytes;
  /** Of each address. */
  readonly traits: readonly Traits[];
  /** No address is there twice. */
  readonly isUnique: boolean;

  constructor({ metadata, addressType, ports }: EndpointSlice, addresses: Bytes, traits: readonly Traits[]) {
    this.metadata = metadata;
    this.addressType = addressType;
    this.ports = ports;
    this.width = addressType === "IPv6" ? 16 : 4;
    const { width } = this;
    this.isUnique = isAscending(addresses, width);
    if (this.isUnique) {
      this.addresses = addresses;
      this.traits = traits;
      return;
    }
    const items = piecesOf(addresses, width).map((address, at) => ({ address, traits: traits[at] as Traits }));
    // The sort keeps the order of equals.
    items.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.addresses = items.map(({ address }) => address).join("");
    this.traits = items.map((item) => item.traits);
    this.isUnique = isAscending(this.addresses, width);
  }
}

/**
 * Packs a slice as `sliceShape` reads it, or a whole one from a server that speaks JSON only. Leaves out addresses that are
 * none of the slice's type.
 */
export function packSlice(slice: EndpointSlice | PackedSlice): PackedSlice {
  if (slice instanceof PackedSlice) return slice;
  const endpoints = (slice.endpoints ?? []) as readonly SliceEndpoint[] | Split<Traits>;
  const { texts, shared } = "texts" in endpoints ? endpoints : splitOf(endpoints);
  if (shared.length === 0) return new PackedSlice(slice, "", []);
  const plain = slice.addressType === "IPv4" ? plainIpv4Bytes(texts) : undefined;
  if (plain !== undefined) return new PackedSlice(slice, plain, shared);
  const addresses = texts.split(" ").map((text) => {
    const ip = parseIpSloppy(text);
    return ip?.family === slice.addressType ? String.fromCharCode(...ipToBytes(ip)) : "";
  });
  return new PackedSlice(
    slice,
    addresses.join(""),
    shared.filter((_, at) => addresses[at]),
  );
}

function splitOf(endpoints: readonly SliceEndpoint[]): Split<Traits> {
  return {
    texts: endpoints.map(({ addresses }) => addresses?.[0] ?? "").join(" "),
    shared: endpoints.map(({ conditions, nodeName, hints }) => ({ conditions, nodeName, hints }) as Traits),
  };
}

/** Each is greater than the one before. */
function isAscending(addresses: Bytes, width: number): boolean {
  for (let start = width; start < addresses.length; start += width) {
    let at = start;
    while (at < start + width && addresses.charCodeAt(at) === addresses.charCodeAt(at - width)) at++;
    if (at === start + width || addresses.charCodeAt(at) < addresses.charCodeAt(at - width)) return false;
  }
  return true;
}

let scratch = Buffer.alloc(1 << 12);

/** Of canonical addresses with spaces between, as nearly all are; undefined when one is not. */
function plainIpv4Bytes(texts: string): Bytes | undefined {
  if (texts.length > scratch.length) scratch = Buffer.alloc(2 * texts.length);
  let length = 0;
  let byte = 0;
  let digits = 0;
  for (let at = 0; at <= texts.length; at++) {
    const code = at < texts.length ? texts.charCodeAt(at) : 32;
    const digit = code - 48;
    if (digit >= 0 && digit <= 9) {
      if (digits++ > 0 && byte === 0) return undefined;
      byte = byte * 10 + digit;
      continue;
    }
    // A dot behind the first three numbers of an address, a space behind the fourth.
    if (digits === 0 || byte > 255 || code !== (length % 4 === 3 ? 32 : 46)) return undefined;
    scratch[length++] = byte;
    byte = 0;
    digits = 0;
  }
  return length % 4 === 0 ? scratch.toString("latin1", 0, length) : undefined;
}
