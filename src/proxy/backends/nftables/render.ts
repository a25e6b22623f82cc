/** A Service port → the elements that stand for it. Pure. */
import type { Bytes } from "../../../kernel/nftables/port.ts";
import {
  addressBytes,
  networkBytes,
  portBytes,
  protocolBytes,
  targetBytes,
  u32,
} from "../../../kernel/nftables/values.ts";
import { parseCidr } from "../../../net/cidr.ts";
import type { Endpoints } from "../../endpoints.ts";
import { type Endpoint, endpointText, type ServicePort } from "../../state.ts";
import { chainName, type Kind } from "./chains.ts";
import type { Element } from "./elements.ts";
import type { ChainNumbers, Identity } from "./identities.ts";
import { localHandleBit, localIndex, rangeSet, verdictMapOf } from "./layout.ts";

/** Elements of several ports may be the same (the clusterIP's own, a hairpin pair): they are counted by their owners. */
export function renderPort(port: ServicePort, identity: Identity, chains: ChainNumbers): Element[] {
  const elements: Element[] = [];
  const put = (set: string, key: string, value = "") => void elements.push({ set, key, value });
  const putChain: Put = (set, key, chain = "") => {
    const { number, entries } = chains.of(chain);
    put(set, key, number);
    elements.push(entries[verdictMapOf(set)]);
  };
  renderEndpoints(port, identity, put);
  for (const { address, role } of port.vips) {
    const bytes = addressBytes(address);
    const key = bytes + protocolBytes(port.protocol) + portBytes(port.port);
    put("vip-ids", key, u32(identity.id));
    if (role === "clusterIP") {
      put("cluster-ips", bytes);
      renderInternal(port, key, putChain);
    } else {
      renderExternal(port, { key, sets: "vips", suffix: "" }, putChain);
    }
    if (role === "loadBalancerIP") renderRanges(port, key, put);
  }
  if (port.nodePort) {
    const key = protocolBytes(port.protocol) + portBytes(port.nodePort);
    put("port-ids", key, u32(identity.id));
    renderExternal(port, { key, sets: "ports", suffix: "n" }, putChain);
  }
  // Without the room that an array which grows has ahead: they are kept.
  return elements.slice();
}

type Put = (set: string, key: string, value?: string) => void;

function renderEndpoints(port: ServicePort, identity: Identity, put: Put): void {
  const { clusterEndpoints, localEndpoints } = port;
  const id = u32(identity.id);
  if (port.affinitySec) {
    renderSticky(clusterEndpoints, { id, identity, firstIndex: 0, handleBit: 0 }, put);
    renderSticky(localEndpoints, { id, identity, firstIndex: localIndex, handleBit: localHandleBit }, put);
  } else {
    if (clusterEndpoints.length > 0) put("endpoints", id + u32(0), clusterEndpoints.targets);
    if (localEndpoints.length > 0) put("endpoints", id + u32(localIndex), localEndpoints.targets);
  }
  renderHairpins(port, put);
}

interface Place {
  readonly id: Bytes;
  readonly identity: Identity;
  readonly firstIndex: number;
  readonly handleBit: number;
}

function renderSticky(endpoints: Endpoints, { id, identity, firstIndex, handleBit }: Place, put: Put): void {
  for (const [index, endpoint] of [...endpoints].entries()) {
    const handle = handleOf(identity, endpoint);
    put("slots", id + u32(firstIndex + index), u32(handle));
    put("sticky-endpoints", u32(handle | handleBit), targetBytes(endpoint));
  }
}

function renderHairpins({ clusterEndpoints, localEndpoints }: ServicePort, put: Put): void {
  const near = [clusterEndpoints, localEndpoints].map((endpoints) => endpoints.near());
  if (near.every(({ length }) => length === 0)) return;
  const pairs = near.flatMap((endpoints) => endpoints.map(({ ip }) => addressBytes(ip).repeat(2)));
  for (const pair of new Set(pairs)) put("hairpin", pair);
}

function handleOf({ handles }: Identity, endpoint: Endpoint): number {
  const handle = handles.get(targetBytes(endpoint));
  if (handle === undefined) throw new RangeError(`Endpoint ${endpointText(endpoint)} has no handle`);
  return handle;
}

function renderInternal(port: ServicePort, key: string, put: Put): void {
  if (port.internal === "cluster") put("vips", key, chainFor(port, "c"));
  else if (port.internal === "local") put("vips", key, chainFor(port, "ci"));
  else put("vips-closed", key, `to-${port.internal}`);
}

/** `sets` is "vips" or "ports"; `suffix` of the chains' kinds, "n" for node ports. */
function renderExternal(
  port: ServicePort,
  { key, sets, suffix }: { key: string; sets: "vips" | "ports"; suffix: "" | "n" },
  put: Put,
): void {
  const { external } = port;
  if (external === "reject") {
    put(`${sets}-closed`, key, "to-reject");
    return;
  }
  if (external === "cluster") {
    put(sets, key, chainFor(port, `x${suffix}`));
    return;
  }
  put(sets, key, suffix ? "outside-ports" : "outside");
  put(`${sets}-near`, key, chainFor(port, `s${suffix}`));
  if (external === "local") put(`${sets}-local`, key, chainFor(port, `l${suffix}`));
  else put(`${sets}-closed`, key, "to-drop");
}

function chainFor(port: ServicePort, kind: Kind): string {
  const isLocal = kind === "ci" || kind === "l" || kind === "ln";
  return chainName(kind, (isLocal ? port.localEndpoints : port.clusterEndpoints).length, port.affinitySec);
}

function renderRanges(port: ServicePort, key: string, put: Put): void {
  if (port.sourceRanges.length === 0) return;
  put("ranged", key);
  for (const text of port.sourceRanges) {
    const cidr = parseCidr(text);
    if (cidr) put(rangeSet(cidr.prefix), key + networkBytes(cidr));
  }
}
