/**
 * Who may change the network gives the node the Services' addresses, on a link of its own: a bridge without ports, which every
 * kernel has and nothing leaves by. Clients, from other hosts too, then reach each Service at its own address and port.
 */
import { hasCode } from "../../../kernel/ffi.ts";
import type { NetlinkSocket } from "../../../kernel/netlink/socket.ts";
import {
  deleteAddress,
  deleteLink,
  ensureAddress,
  ensureBridge,
  findLink,
  listAddresses,
  openRouteSocket,
  settleAddresses,
} from "../../../kernel/route/mod.ts";
import { canonicalIp } from "../../../net/ip.ts";

export const vipLink = "fairlead-vips";

export interface VipAddresses {
  /** Addresses that a former process left. */
  readonly adopted: number;
  /** Makes the link have these and no others; an address that another link has stays there. */
  set(vips: ReadonlySet<string>): void;
  /** Takes the link away. */
  remove(): void;
  /** Leaves the addresses. */
  close(): void;
}

/** In the network namespace that the thread is in; undefined for who may not change it. */
export function openVipAddresses(): VipAddresses | undefined {
  const socket = openRouteSocket();
  try {
    const { index } = ensureBridge(socket, vipLink, { up: true });
    return {
      adopted: addresses(socket).filter(({ linkIndex, isUsual }) => linkIndex === index && isUsual).length,
      set: (vips) => assign(socket, vips),
      remove: () => void deleteLink(socket, vipLink),
      close: () => socket.close(),
    };
  } catch (error) {
    socket.close();
    if (hasCode(error, "EPERM")) return undefined;
    throw error;
  }
}

function assign(socket: NetlinkSocket, vips: ReadonlySet<string>): void {
  const { index } = findLink(socket, vipLink) ?? ensureBridge(socket, vipLink, { up: true });
  const found = addresses(socket);
  const held = new Set(found.map(({ ip }) => ip));
  for (const { linkIndex, cidr, ip, isUsual } of found) {
    if (linkIndex === index && isUsual && !vips.has(ip)) deleteAddress(socket, index, cidr);
  }
  const missing = [...vips].filter((vip) => !held.has(vip));
  for (const vip of missing) ensureAddress(socket, index, `${vip}/${vip.includes(":") ? 128 : 32}`);
  settleAddresses(socket, missing);
}

/** `isUsual`: not the link-local one that the kernel gives each link. */
function addresses(socket: NetlinkSocket) {
  return listAddresses(socket).map(({ linkIndex, cidr }) => {
    const text = cidr.slice(0, cidr.indexOf("/"));
    return { linkIndex, cidr, ip: canonicalIp(text) ?? text, isUsual: !text.startsWith("fe80:") };
  });
}
