/**
 * In a network namespace of its own the plane gives "lo" the Services' addresses: clients, from other hosts too, then reach
 * each Service at its own address and port. On the machine's own network it leaves "lo" alone.
 */
import { readlinkSync } from "node:fs";
import { deleteAddress, ensureAddress, getLink, listAddresses, openRouteSocket } from "../../../kernel/route/mod.ts";
import { canonicalIp } from "../../../net/ip.ts";
import { isLoopback } from "./render.ts";

export interface VipAddresses {
  /** Makes "lo" have these and no others besides its own; an address that another link has stays there. */
  set(vips: ReadonlySet<string>): void;
  close(): void;
}

/** True in a network namespace that is not the first process's, as its root: nobody else's programs are there to disturb. */
export function hasNetworkOfItsOwn(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    return readlinkSync("/proc/thread-self/ns/net") !== readlinkSync("/proc/1/ns/net");
  } catch {
    return false;
  }
}

/** Of the network namespace that the thread is in. */
export function openVipAddresses(): VipAddresses {
  const socket = openRouteSocket();
  const lo = getLink(socket, "lo").index;
  return {
    set(vips) {
      const found = listAddresses(socket).map(({ linkIndex, cidr }) => ({ linkIndex, cidr, ip: addressOf(cidr) }));
      const held = new Set(found.map(({ ip }) => ip));
      for (const { linkIndex, cidr, ip } of found) {
        if (linkIndex === lo && !isLoopback(ip) && !vips.has(ip)) deleteAddress(socket, lo, cidr);
      }
      for (const vip of vips) {
        if (!held.has(vip)) ensureAddress(socket, lo, `${vip}/${vip.includes(":") ? 128 : 32}`);
      }
    },
    close: () => socket.close(),
  };
}

function addressOf(cidr: string): string {
  const text = cidr.slice(0, cidr.indexOf("/"));
  return canonicalIp(text) ?? text;
}
