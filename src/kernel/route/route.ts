/** Routes through rtnetlink (include/uapi/linux/rtnetlink.h). */
import { AF_INET, SystemError } from "../ffi.ts";
import { readAttributes } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from "../netlink/message.ts";
import type { Message, NetlinkSocket } from "../netlink/socket.ts";
import { formatAddress, parseAddress, parsePrefix } from "./address-bytes.ts";

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const headerSize = 12;
const RTA = { destination: 1, link: 4, gateway: 5, metric: 6, source: 7, table: 15 } as const;
const RTNH_F_ONLINK = 4;
const RTM_F_CLONED = 0x200;
const mainTable = 254;

/** Numbers of `rtm_type`. */
const routeTypes = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
type RouteType = keyof typeof routeTypes;

/** rtm_protocol: who made the route; `kernel` routes come with addresses. */
const RTPROT_KERNEL = 2;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
/** In a deletion: of any scope. */
const RT_SCOPE_NOWHERE = 255;

export interface Route {
  /** "10.244.1.0/24"; "0.0.0.0/0" and "::/0" are the default routes. */
  readonly destination: string;
  readonly gateway?: string;
  readonly linkIndex?: number;
  /** The address that connections from here get. */
  readonly source?: string;
  readonly metric?: number;
  /** Default: 254, the main table. */
  readonly table?: number;
  /** Default: "unicast". */
  readonly type?: RouteType;
  /** The gateway is reached over the link although no address of the link covers it. */
  readonly onLink?: boolean;
}

export interface ListedRoute extends Route {
  readonly table: number;
  /** The kernel made it, for an address or a local table. */
  readonly byKernel: boolean;
}

/** Adds the route, or changes the one with the same destination, metric and table. */
export function replaceRoute(socket: NetlinkSocket, route: Route): void {
  const message = build(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
  socket.run(message, `set route to "${route.destination}"`);
}

/** Deletes the route, found by the fields that are given, and says whether it was there. */
export function deleteRoute(socket: NetlinkSocket, route: Route): boolean {
  try {
    socket.run(build(RTM_DELROUTE, 0, route), `delete route to "${route.destination}"`);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === "ESRCH") return false;
    throw error;
  }
}

/** All routes of the network namespace (of all tables, both families), without cached ones. */
export function listRoutes(socket: NetlinkSocket): ListedRoute[] {
  const message = new MessageBuffer(64);
  message.begin(RTM_GETROUTE, NLM_F_DUMP);
  for (let i = 0; i < headerSize; i++) message.u8(0);
  return socket.dump(message.end(), "list routes").flatMap((answer) => readRoute(answer) ?? []);
}

/** True once packets to the address are taken in here. */
function isHere(socket: NetlinkSocket, address: string): boolean {
  const { family, address: bytes, length } = parsePrefix(address);
  const message = new MessageBuffer(64);
  message.begin(RTM_GETROUTE, NLM_F_ACK);
  message.u8(family).u8(length).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
  message.attrBytes(RTA.destination, bytes);
  try {
    const [answer] = socket.run(message.end(), `look for the route to "${address}"`);
    return answer?.body[7] === routeTypes.local;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

const settleMs = 1_000;

/** The kernel makes an IPv6 address of a link in the background, after it has said yes: waits, without a turn of the loop, until these are in use. */
export function settleAddresses(socket: NetlinkSocket, addresses: readonly string[]): void {
  const end = performance.now() + settleMs;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const address of addresses) {
    if (!address.includes(":")) continue;
    while (!isHere(socket, address) && performance.now() < end) Atomics.wait(clock, 0, 0, 0.2);
  }
}

function build(type: number, flags: number, route: Route): MessageBuffer {
  const { family, address, length } = parsePrefix(route.destination);
  const { type: routeType = "unicast", table = mainTable } = route;
  const deleting = type === RTM_DELROUTE;
  const message = new MessageBuffer(128);
  message.begin(type, flags | NLM_F_ACK);
  message.u8(family).u8(length).u8(0).u8(0);
  message.u8(table < 256 ? table : 0).u8(deleting ? 0 : RTPROT_STATIC);
  message.u8(deleting ? RT_SCOPE_NOWHERE : scopeOf(route, routeType));
  message.u8(route.type || !deleting ? routeTypes[routeType] : 0);
  message.u32(route.onLink ? RTNH_F_ONLINK : 0);
  if (length > 0) message.attrBytes(RTA.destination, address);
  message.attrU32(RTA.table, table);
  if (route.gateway !== undefined) message.attrBytes(RTA.gateway, parseAddress(route.gateway));
  if (route.linkIndex !== undefined) message.attrU32(RTA.link, route.linkIndex);
  if (route.source !== undefined) message.attrBytes(RTA.source, parseAddress(route.source));
  if (route.metric !== undefined) message.attrU32(RTA.metric, route.metric);
  return message.end();
}

function scopeOf(route: Route, type: RouteType): number {
  if (type === "local") return RT_SCOPE_HOST;
  return type === "unicast" && route.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function readRoute({ body }: Message): ListedRoute | undefined {
  const attributes = readAttributes(body, headerSize);
  const type = Object.entries(routeTypes).find(([, number]) => number === body[7])?.[0] as RouteType | undefined;
  if (!type || body.readUInt32LE(8) & RTM_F_CLONED) return undefined;
  const number = (key: number): number | undefined => attributes.get(key)?.readUInt32LE(0);
  const address = (key: number): string | undefined => {
    const bytes = attributes.get(key);
    return bytes && formatAddress(bytes);
  };
  const destination = address(RTA.destination) ?? (body[0] === AF_INET ? "0.0.0.0" : "::");
  const [gateway, source] = [address(RTA.gateway), address(RTA.source)];
  const [linkIndex, metric] = [number(RTA.link), number(RTA.metric)];
  return {
    destination: `${destination}/${body[1]}`,
    table: number(RTA.table) ?? body[4] ?? 0,
    type,
    byKernel: body[5] === RTPROT_KERNEL,
    ...(gateway !== undefined && { gateway }),
    ...(source !== undefined && { source }),
    ...(linkIndex !== undefined && { linkIndex }),
    ...(metric !== undefined && { metric }),
  };
}
