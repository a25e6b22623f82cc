/** Links through rtnetlink (RFC 3549; include/uapi/linux/if_link.h): bridges and veth pairs. */
import { SystemError } from "../ffi.ts";
import { readAttributes, readString } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../netlink/message.ts";
import type { Message, NetlinkSocket } from "../netlink/socket.ts";
import { formatMac, parseMac } from "./address-bytes.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x10000;
const headerSize = 16;

const IFLA = { address: 1, name: 3, mtu: 4, link: 5, master: 10, info: 18, netnsFd: 28 } as const;
const INFO = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const VETH_INFO_PEER = 1;
const BRIDGE = { forwardDelay: 1, stpState: 5, multicastSnooping: 23 } as const;
const IFLA_BRPORT_MODE = 4;

/** The kernel's limit, without the closing zero. */
const maxLinkNameLength = 15;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** "bridge", "veth", …; "" for hardware and loopback. */
  readonly kind: string;
  readonly up: boolean;
  /** It has a carrier: a veth whose peer is up. */
  readonly carrier: boolean;
  readonly mtu: number;
  /** "" if it has none. */
  readonly mac: string;
  /** Index of the bridge that it is a port of; 0: none. */
  readonly masterIndex: number;
  /** Of a veth: the index of its peer, in the peer's network namespace; 0: none. */
  readonly peerIndex: number;
  /** Of a bridge port: see `setHairpin`. */
  readonly hairpin: boolean;
}

/** What can be given at creation and changed later; each field that is absent stays as it is. */
export interface LinkSettings {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  /** Index of a bridge; 0 takes it out of its bridge. */
  readonly masterIndex?: number;
  /** An open network namespace file; the link is placed there. */
  readonly netnsFd?: number;
}

/** A link by its index or name. */
export type LinkRef = number | string;

export function createBridge(socket: NetlinkSocket, name: string, settings: LinkSettings = {}): void {
  create(socket, { name, kind: "bridge" }, settings, (message) => {
    // No spanning tree: a port forwards at once. No snooping: neighbour discovery is never held back.
    message.attrU32(BRIDGE.forwardDelay, 0).attrU32(BRIDGE.stpState, 0).attrU8(BRIDGE.multicastSnooping, 0);
  });
}

/** A link that nothing leaves by: it holds addresses. */
export function createDummy(socket: NetlinkSocket, name: string, settings: LinkSettings = {}): void {
  create(socket, { name, kind: "dummy" }, settings);
}

/** Makes both ends of a pair; each may be placed in a network namespace of its own at once. */
export function createVeth(
  socket: NetlinkSocket,
  near: LinkSettings & { readonly name: string },
  far: LinkSettings & { readonly name: string },
): void {
  create(socket, { name: near.name, kind: "veth" }, near, (message) => {
    const peer = message.nest(VETH_INFO_PEER);
    writeHeader(message, 0, far.up);
    message.attrString(IFLA.name, checkedName(far.name));
    writeSettings(message, far);
    message.unnest(peer);
  });
}

/** The bridge `name`, made if there is none; an existing one gets the settings. */
export function ensureBridge(socket: NetlinkSocket, name: string, settings: LinkSettings = {}): Link {
  if (findLink(socket, name)) setLink(socket, name, settings);
  else createBridge(socket, name, settings);
  return getLink(socket, name);
}

export function setLink(
  socket: NetlinkSocket,
  link: LinkRef,
  settings: LinkSettings & { readonly rename?: string },
): void {
  const message = new MessageBuffer(256);
  // A message holds one name: a link that gets a new one is found by its index.
  const found = settings.rename === undefined ? link : getLink(socket, link).index;
  begin(message, { type: RTM_SETLINK, flags: NLM_F_ACK }, found, settings.up);
  if (settings.rename !== undefined) message.attrString(IFLA.name, checkedName(settings.rename));
  writeSettings(message, settings);
  socket.run(message.end(), `change link "${link}"`);
}

/** Deletes the link if it exists and says whether it did. The peer of a veth goes with it. */
export function deleteLink(socket: NetlinkSocket, link: LinkRef): boolean {
  const message = new MessageBuffer(64);
  begin(message, { type: RTM_DELLINK, flags: NLM_F_ACK }, link);
  try {
    socket.run(message.end(), `delete link "${link}"`);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENODEV") return false;
    throw error;
  }
}

/** Lets a bridge port send a frame back out of the port that it came from: a Pod that reaches itself through a Service. */
export function setHairpin(socket: NetlinkSocket, link: LinkRef, on: boolean): void {
  const message = new MessageBuffer(128);
  begin(message, { type: RTM_NEWLINK, flags: NLM_F_ACK }, link);
  const info = message.nest(IFLA.info);
  message.attrString(INFO.slaveKind, "bridge");
  const data = message.nest(INFO.slaveData);
  message
    .attrU8(IFLA_BRPORT_MODE, on ? 1 : 0)
    .unnest(data)
    .unnest(info);
  socket.run(message.end(), `set hairpin mode of "${link}"`);
}

export function listLinks(socket: NetlinkSocket): Link[] {
  const message = new MessageBuffer(64);
  begin(message, { type: RTM_GETLINK, flags: NLM_F_DUMP }, 0);
  return socket.dump(message.end(), "list links").map(readLink);
}

export function findLink(socket: NetlinkSocket, link: LinkRef): Link | undefined {
  const message = new MessageBuffer(64);
  begin(message, { type: RTM_GETLINK, flags: NLM_F_ACK }, link);
  try {
    const [answer] = socket.run(message.end(), `read link "${link}"`);
    return answer && readLink(answer);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENODEV") return undefined;
    throw error;
  }
}

/** As `findLink`, but a missing link is a SystemError ENODEV. */
export function getLink(socket: NetlinkSocket, link: LinkRef): Link {
  const found = findLink(socket, link);
  if (!found) throw new SystemError("netlink", 19, `use link "${link}"`);
  return found;
}

function create(
  socket: NetlinkSocket,
  { name, kind }: { name: string; kind: string },
  settings: LinkSettings,
  writeData?: (message: MessageBuffer) => void,
): void {
  const message = new MessageBuffer(512);
  message.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  writeHeader(message, 0, settings.up);
  message.attrString(IFLA.name, checkedName(name));
  writeSettings(message, settings);
  const info = message.nest(IFLA.info);
  message.attrString(INFO.kind, kind);
  if (writeData) {
    const data = message.nest(INFO.data);
    writeData(message);
    message.unnest(data);
  }
  message.unnest(info);
  socket.run(message.end(), `make ${kind} "${name}"`);
}

function begin(message: MessageBuffer, head: { type: number; flags: number }, link: LinkRef, up?: boolean): void {
  message.begin(head.type, head.flags);
  writeHeader(message, typeof link === "number" ? link : 0, up);
  if (typeof link === "string") message.attrString(IFLA.name, checkedName(link));
}

/** struct ifinfomsg: family, pad, hardware type, index, flags, mask of the flags that count. */
function writeHeader(message: MessageBuffer, index: number, up?: boolean): void {
  message.u8(0).u8(0).u16(0).u32(index);
  message.u32(up ? IFF_UP : 0).u32(up === undefined ? 0 : IFF_UP);
}

function writeSettings(message: MessageBuffer, { mtu, mac, masterIndex, netnsFd }: LinkSettings): void {
  if (mtu !== undefined) message.attrU32(IFLA.mtu, mtu);
  if (mac !== undefined) message.attrBytes(IFLA.address, parseMac(mac));
  if (masterIndex !== undefined) message.attrU32(IFLA.master, masterIndex);
  if (netnsFd !== undefined) message.attrU32(IFLA.netnsFd, netnsFd);
}

function checkedName(name: string): string {
  if (!/^[^\s/:]+$/.test(name) || Buffer.byteLength(name) > maxLinkNameLength || name === "." || name === "..") {
    throw new RangeError(
      `Cannot use "${name}" as a link name: it must have 1 to ${maxLinkNameLength} characters, no space, "/" or ":"`,
    );
  }
  return name;
}

function readLink({ body }: Message): Link {
  const attributes = readAttributes(body, headerSize);
  const number = (type: number): number => attributes.get(type)?.readUInt32LE(0) ?? 0;
  const name = attributes.get(IFLA.name);
  const mac = attributes.get(IFLA.address);
  const info = attributes.get(IFLA.info);
  const details = info && readAttributes(info);
  const kind = details?.get(INFO.kind);
  const port = details?.get(INFO.slaveData);
  const flags = body.readUInt32LE(8);
  return {
    index: body.readInt32LE(4),
    name: name ? readString(name) : "",
    kind: kind ? readString(kind) : "",
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    mtu: number(IFLA.mtu),
    mac: mac?.length ? formatMac(mac) : "",
    masterIndex: number(IFLA.master),
    peerIndex: number(IFLA.link),
    hairpin: port !== undefined && readAttributes(port).get(IFLA_BRPORT_MODE)?.[0] === 1,
  };
}
