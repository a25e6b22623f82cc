/** Neighbour entries (ARP and NDP) through rtnetlink (include/uapi/linux/neighbour.h). */
import { SystemError } from "../ffi.ts";
import { readAttributes } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { formatAddress, formatMac, parseMac, parsePrefix } from "./address-bytes.ts";

const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;
const headerSize = 12;
const NDA = { address: 1, mac: 2 } as const;
const NUD_PERMANENT = 0x80;

export interface Neighbour {
  readonly linkIndex: number;
  readonly address: string;
  /** "" while it is not known. */
  readonly mac: string;
  readonly permanent: boolean;
}

/** Makes or changes a permanent entry: the address is reached by this MAC without asking. */
export function replaceNeighbour(
  socket: NetlinkSocket,
  { linkIndex, address, mac }: { linkIndex: number; address: string; mac: string },
): void {
  const message = begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, { linkIndex, address });
  message.attrBytes(NDA.mac, parseMac(mac));
  socket.run(message.end(), `set neighbour "${address}"`);
}

/** Deletes the entry and says whether it was there. */
export function deleteNeighbour(socket: NetlinkSocket, neighbour: { linkIndex: number; address: string }): boolean {
  try {
    socket.run(begin(RTM_DELNEIGH, NLM_F_ACK, neighbour).end(), `delete neighbour "${neighbour.address}"`);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENOENT") return false;
    throw error;
  }
}

export function listNeighbours(socket: NetlinkSocket): Neighbour[] {
  const message = new MessageBuffer(64);
  message.begin(RTM_GETNEIGH, NLM_F_DUMP);
  for (let i = 0; i < headerSize; i++) message.u8(0);
  return socket.dump(message.end(), "list neighbours").flatMap(({ body }) => {
    const attributes = readAttributes(body, headerSize);
    const address = attributes.get(NDA.address);
    const mac = attributes.get(NDA.mac);
    if (!address) return [];
    return {
      linkIndex: body.readInt32LE(4),
      address: formatAddress(address),
      mac: mac ? formatMac(mac) : "",
      permanent: (body.readUInt16LE(8) & NUD_PERMANENT) !== 0,
    };
  });
}

/** struct ndmsg: family, 3 bytes of padding, link, state, flags, type. */
function begin(
  type: number,
  flags: number,
  { linkIndex, address }: { linkIndex: number; address: string },
): MessageBuffer {
  const { family, address: bytes } = parsePrefix(address);
  const message = new MessageBuffer(128);
  message.begin(type, flags);
  message.u8(family).u8(0).u16(0).u32(linkIndex).u16(NUD_PERMANENT).u8(0).u8(0);
  return message.attrBytes(NDA.address, bytes);
}
