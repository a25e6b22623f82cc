/** Commands → messages of the generic netlink family "IPVS", and its answers → data. */
import { formatIp, type IpFamily, ipFromBytes, ipToBytes, parseIp } from "../../net/ip.ts";
import { AF_INET, AF_INET6 } from "../ffi.ts";
import { readAttributes, readString } from "../netlink/attributes.ts";
import { type MessageBuffer, NLM_F_ACK } from "../netlink/message.ts";
import {
  attributes as a,
  commands,
  serverAttributes as d,
  family,
  masquerading,
  persistentFlag,
  protocols,
  serviceAttributes as s,
  schedulerFlagMask,
} from "./constants.ts";
import type { IpvsCommand, ObservedServer, ServerKey, ServiceKey, ServiceSettings, VirtualService } from "./port.ts";

const numbers = {
  "add-service": commands.newService,
  "set-service": commands.setService,
  "delete-service": commands.deleteService,
  "add-server": commands.newServer,
  "set-server": commands.setServer,
  "delete-server": commands.deleteServer,
} as const;
/** struct genlmsghdr: command, version, two bytes reserved. */
export const genericHeaderSize = 4;

/** Starts a message to the family with number `type`. */
export function beginGeneric(m: MessageBuffer, type: number, flags: number, command: number): void {
  m.begin(type, flags);
  m.u8(command).u8(family.version).u16(0);
}

export function encodeCommand(m: MessageBuffer, type: number, command: IpvsCommand): void {
  beginGeneric(m, type, NLM_F_ACK, numbers[command.op]);
  const settings = "settings" in command ? command.settings : undefined;
  encodeService(m, command.key, settings);
  if ("server" in command) encodeServer(m, command.key.family, command.server);
  m.end();
}

export function encodeService(m: MessageBuffer, key: ServiceKey, settings?: ServiceSettings): void {
  const nest = m.nest(a.service);
  m.attrU16(s.family, key.family === "IPv4" ? AF_INET : AF_INET6);
  if (key.kind === "mark") m.attrU32(s.mark, key.mark);
  else {
    m.attrU16(s.protocol, protocols[key.protocol]);
    m.attrBytes(s.address, padded(key.address)).attrU16be(s.port, key.port);
  }
  if (settings) {
    const { scheduler, flags, persistenceSec } = settings;
    m.attrString(s.scheduler, scheduler);
    // struct ip_vs_flags: the flags, and which of them count.
    const words = Buffer.alloc(8);
    words.writeUInt32LE(flags | (persistenceSec > 0 ? persistentFlag : 0), 0);
    words.writeUInt32LE(0xffffffff, 4);
    m.attrBytes(s.flags, words).attrU32(s.timeout, persistenceSec);
    // Clients are told apart by their whole address.
    m.attrU32(s.netmask, key.family === "IPv4" ? 0xffffffff : 128);
  }
  m.unnest(nest);
}

function encodeServer(m: MessageBuffer, addressFamily: IpFamily, server: ServerKey & { weight?: number }): void {
  const nest = m.nest(a.server);
  m.attrBytes(d.address, padded(server.address)).attrU16be(d.port, server.port);
  m.attrU16(d.family, addressFamily === "IPv4" ? AF_INET : AF_INET6);
  if (server.weight !== undefined) {
    m.attrU32(d.forwardMethod, masquerading).attrU32(d.weight, server.weight);
    m.attrU32(d.upperThreshold, 0).attrU32(d.lowerThreshold, 0);
  }
  m.unnest(nest);
}

/** union nf_inet_addr: 16 bytes, an IPv4 address in the first four. */
function padded(text: string): Buffer {
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot use "${text}": it is no IP address`);
  const bytes = Buffer.alloc(16);
  bytes.set(ipToBytes(ip));
  return bytes;
}

function addressText(bytes: Buffer | undefined, addressFamily: IpFamily): string {
  if (!bytes) return "";
  return formatIp(ipFromBytes(bytes.subarray(0, addressFamily === "IPv4" ? 4 : 16)));
}

/** Undefined for a protocol or family that is none of ours. */
export function decodeService(body: Buffer): VirtualService | undefined {
  const nested = readAttributes(body, genericHeaderSize).get(a.service);
  if (!nested) return undefined;
  const found = readAttributes(nested);
  const key = decodeKey(found);
  if (!key) return undefined;
  const flags = found.get(s.flags)?.readUInt32LE(0) ?? 0;
  const name = found.get(s.scheduler);
  return {
    key,
    scheduler: name ? readString(name) : "",
    flags: flags & schedulerFlagMask,
    persistenceSec: flags & persistentFlag ? (found.get(s.timeout)?.readUInt32LE(0) ?? 0) : 0,
  };
}

function decodeKey(found: ReadonlyMap<number, Buffer>): ServiceKey | undefined {
  const number = found.get(s.family)?.readUInt16LE(0);
  if (number !== AF_INET && number !== AF_INET6) return undefined;
  const addressFamily: IpFamily = number === AF_INET ? "IPv4" : "IPv6";
  const mark = found.get(s.mark)?.readUInt32LE(0);
  if (mark) return { kind: "mark", family: addressFamily, mark };
  const wanted = found.get(s.protocol)?.readUInt16LE(0);
  const protocol = (["TCP", "UDP", "SCTP"] as const).find((name) => protocols[name] === wanted);
  if (!protocol) return undefined;
  const port = found.get(s.port)?.readUInt16BE(0) ?? 0;
  return {
    kind: "address",
    family: addressFamily,
    protocol,
    address: addressText(found.get(s.address), addressFamily),
    port,
  };
}

export function decodeServer(body: Buffer, addressFamily: IpFamily): ObservedServer | undefined {
  const nested = readAttributes(body, genericHeaderSize).get(a.server);
  if (!nested) return undefined;
  const found = readAttributes(nested);
  const number = (type: number): number => found.get(type)?.readUInt32LE(0) ?? 0;
  return {
    address: addressText(found.get(d.address), addressFamily),
    port: found.get(d.port)?.readUInt16BE(0) ?? 0,
    weight: number(d.weight),
    connections: number(d.active) + number(d.inactive),
  };
}
