/** Connection tracking over netlink: finds and deletes the flows to one destination (include/uapi/linux/netfilter/nfnetlink_conntrack.h). */
import { bitsOf, formatIp, type IpFamily, ipFromBytes, ipToBytes, parseIp } from "../../net/ip.ts";
import { hasCode } from "../ffi.ts";
import { readAttributes } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_DUMP } from "../netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../netlink/socket.ts";

const NFNL_SUBSYS_CTNETLINK = 1;
const messages = { get: 1, delete: 2 } as const;
const families = { IPv4: 2, IPv6: 10 } as const;
const a = {
  original: 1,
  reply: 2,
  id: 12,
  zone: 18,
  filter: 25,
  tuple: { ip: 1, protocol: 2 },
  protocol: { number: 1, sourcePort: 2, destinationPort: 3 },
  filterFlags: { original: 1 },
} as const;
const ipAttributes = { IPv4: { source: 1, destination: 2 }, IPv6: { source: 3, destination: 4 } } as const;
/** CTA_FILTER_F_* of the kernel's nf_internals.h: which fields of the tuple a flow must have. */
const filterFlags = { destination: 1 << 1, protocol: 1 << 3, destinationPort: 1 << 5 } as const;
const headerSize = 4;

/** What a flow was sent to; without an address or port, to any. */
export interface FlowFilter {
  readonly family: IpFamily;
  /** IANA number, e.g. 17 for UDP. */
  readonly protocol: number;
  readonly port?: number;
  readonly address?: string;
}

export interface Flow {
  /** Canonical text of the address that the first packet was sent to. */
  readonly destination: string;
  readonly port: number;
  /** Who answers: after DNAT the endpoint, without it the destination itself. */
  readonly answerer: { readonly ip: string; readonly port: number };
  /** How the kernel finds it again. */
  readonly handle: FlowHandle;
}

interface FlowHandle {
  readonly family: IpFamily;
  readonly original: Buffer;
  readonly id: Buffer | undefined;
  readonly zone: Buffer | undefined;
}

export interface Conntrack {
  flows(filter: FlowFilter): readonly Flow[];
  /** False when the flow had ended meanwhile. */
  delete(flow: Flow): boolean;
  close(): void;
}

/** Of the network namespace that the thread is in. */
export function openConntrack(): Conntrack {
  return new NetlinkConntrack();
}

class NetlinkConntrack implements Conntrack {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);

  flows(filter: FlowFilter): readonly Flow[] {
    const request = begin(messages.get, NLM_F_DUMP, filter.family);
    encodeFilter(request, filter);
    request.end();
    const found: Flow[] = [];
    for (const { body } of this.#socket.dump(request, "list connections", { partial: true })) {
      const flow = readFlow(body, filter);
      // A kernel before 5.8 does not know the filter and sends everything.
      if (flow && (filter.address === undefined || flow.destination === filter.address)) found.push(flow);
    }
    return found;
  }

  delete({ handle }: Flow): boolean {
    const request = begin(messages.delete, NLM_F_ACK, handle.family);
    const tuple = request.nest(a.original);
    request.raw(handle.original).unnest(tuple);
    if (handle.id) request.attrBytes(a.id, handle.id);
    if (handle.zone) request.attrBytes(a.zone, handle.zone);
    request.end();
    try {
      this.#socket.run(request, "delete a connection");
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function begin(message: number, flags: number, family: IpFamily): MessageBuffer {
  const request = new MessageBuffer();
  request.begin((NFNL_SUBSYS_CTNETLINK << 8) | message, flags);
  request.u8(families[family]).u8(0).u16be(0);
  return request;
}

function encodeFilter(m: MessageBuffer, { family, protocol, port, address }: FlowFilter): void {
  const ip = address === undefined ? undefined : parseIp(address);
  const tuple = m.nest(a.original);
  if (ip) {
    const addresses = m.nest(a.tuple.ip);
    m.attrBytes(ipAttributes[family].destination, ipToBytes(ip)).unnest(addresses);
  }
  const ports = m.nest(a.tuple.protocol);
  m.attrU8(a.protocol.number, protocol);
  if (port !== undefined) m.attrU16be(a.protocol.destinationPort, port);
  m.unnest(ports).unnest(tuple);
  const portFlag = port === undefined ? 0 : filterFlags.destinationPort;
  const flags = filterFlags.protocol | portFlag | (ip ? filterFlags.destination : 0);
  const filter = m.nest(a.filter);
  m.attrU32(a.filterFlags.original, flags).unnest(filter);
}

function readFlow(body: Buffer, { family, protocol, port }: FlowFilter): Flow | undefined {
  const fields = readAttributes(body, headerSize);
  const originalBytes = fields.get(a.original);
  const replyBytes = fields.get(a.reply);
  if (!originalBytes || !replyBytes) return undefined;
  const original = readTuple(originalBytes, family);
  const reply = readTuple(replyBytes, family);
  if (!original || !reply || original.protocol !== protocol) return undefined;
  if (port !== undefined && original.destinationPort !== port) return undefined;
  return {
    destination: original.destination,
    port: original.destinationPort,
    answerer: { ip: reply.source, port: reply.sourcePort },
    handle: { family, original: originalBytes, id: fields.get(a.id), zone: fields.get(a.zone) },
  };
}

function readTuple(bytes: Buffer, family: IpFamily) {
  const tuple = readAttributes(bytes);
  const addresses = readAttributes(tuple.get(a.tuple.ip) ?? Buffer.alloc(0));
  const ports = readAttributes(tuple.get(a.tuple.protocol) ?? Buffer.alloc(0));
  const source = addresses.get(ipAttributes[family].source);
  const destination = addresses.get(ipAttributes[family].destination);
  if (source?.length !== bitsOf(family) / 8 || destination?.length !== source.length) return undefined;
  return {
    source: formatIp(ipFromBytes(source)),
    destination: formatIp(ipFromBytes(destination)),
    protocol: ports.get(a.protocol.number)?.[0],
    sourcePort: ports.get(a.protocol.sourcePort)?.readUInt16BE(0) ?? 0,
    destinationPort: ports.get(a.protocol.destinationPort)?.readUInt16BE(0) ?? 0,
  };
}
