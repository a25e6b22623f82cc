/** Addresses of links through rtnetlink (include/uapi/linux/if_addr.h). */
import { AF_INET, SystemError } from "../ffi.ts";
import { readAttributes } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { formatAddress, parsePrefix } from "./address-bytes.ts";

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const headerSize = 8;
const IFA = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;
const IFA_F_NODAD = 0x02;

export interface LinkAddress {
  readonly linkIndex: number;
  /** "10.244.0.1/24". */
  readonly cidr: string;
}

/** Gives the link the address, e.g. "10.244.0.1/24", if it has it not yet; says whether it was new. An IPv6 address is not looked for twice, but see `settleAddresses`. */
export function ensureAddress(socket: NetlinkSocket, linkIndex: number, cidr: string): boolean {
  return change(socket, { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, noop: "EEXIST" }, linkIndex, cidr);
}

/** Takes the address from the link and says whether it was there. */
export function deleteAddress(socket: NetlinkSocket, linkIndex: number, cidr: string): boolean {
  return change(socket, { type: RTM_DELADDR, flags: 0, noop: "EADDRNOTAVAIL" }, linkIndex, cidr);
}

/** All addresses of the network namespace, of both families. */
export function listAddresses(socket: NetlinkSocket): LinkAddress[] {
  const message = new MessageBuffer(64);
  message.begin(RTM_GETADDR, NLM_F_DUMP);
  message.u8(0).u8(0).u8(0).u8(0).u32(0);
  return socket.dump(message.end(), "list addresses").map(({ body }) => {
    const attributes = readAttributes(body, headerSize);
    const address = attributes.get(IFA.local) ?? attributes.get(IFA.address) ?? Buffer.alloc(4);
    return { linkIndex: body.readUInt32LE(4), cidr: `${formatAddress(address)}/${body[1]}` };
  });
}

function change(
  socket: NetlinkSocket,
  { type, flags, noop }: { type: number; flags: number; noop: string },
  linkIndex: number,
  cidr: string,
): boolean {
  const { family, address, length } = parsePrefix(cidr);
  const message = new MessageBuffer(128);
  message.begin(type, flags | NLM_F_ACK);
  message.u8(family).u8(length).u8(0).u8(0).u32(linkIndex);
  message.attrBytes(IFA.local, address).attrBytes(IFA.address, address);
  if (family === AF_INET) {
    if (length < 31) message.attrBytes(IFA.broadcast, broadcastOf(address, length));
  } else {
    message.attrU32(IFA.flags, IFA_F_NODAD);
  }
  try {
    socket.run(message.end(), `${type === RTM_NEWADDR ? "add" : "delete"} address "${cidr}"`);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === noop) return false;
    throw error;
  }
}

function broadcastOf(address: Uint8Array, length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((Buffer.from(address).readUInt32BE(0) | (0xffffffff >>> length)) >>> 0);
  return bytes;
}
