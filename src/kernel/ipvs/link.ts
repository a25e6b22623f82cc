/** The dummy link that holds the VIPs, over rtnetlink, in the network namespace that the thread was in when it was opened. */
import { canonicalIp } from "../../net/ip.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import {
  createDummy,
  deleteAddress,
  deleteLink,
  ensureAddress,
  findLink,
  listAddresses,
  openRouteSocket,
  settleAddresses,
} from "../route/mod.ts";
import type { VipLink } from "./port.ts";

export function openVipLink(name: string): VipLink {
  return new LinuxVipLink(name);
}

class LinuxVipLink implements VipLink {
  readonly #name: string;
  readonly #socket: NetlinkSocket = openRouteSocket();

  constructor(name: string) {
    this.#name = name;
  }

  read(): { bound: string[]; others: string[] } {
    const index = findLink(this.#socket, this.#name)?.index;
    const bound: string[] = [];
    const others: string[] = [];
    for (const { linkIndex, cidr } of listAddresses(this.#socket)) {
      const address = canonicalIp(cidr.slice(0, cidr.indexOf("/"))) ?? "";
      // The link-local address that the kernel gives to every link is none of ours.
      if (linkIndex !== index) others.push(address);
      else if (!address.startsWith("fe80:")) bound.push(address);
    }
    return { bound, others };
  }

  bind(addresses: readonly string[]): void {
    if (addresses.length === 0) return;
    if (!findLink(this.#socket, this.#name)) createDummy(this.#socket, this.#name, { up: true });
    const index = findLink(this.#socket, this.#name)?.index ?? 0;
    for (const address of addresses) ensureAddress(this.#socket, index, hostPrefix(address));
    settleAddresses(this.#socket, addresses);
  }

  unbind(addresses: readonly string[]): void {
    if (addresses.length === 0) return;
    const index = findLink(this.#socket, this.#name)?.index;
    if (index === undefined) return;
    for (const address of addresses) deleteAddress(this.#socket, index, hostPrefix(address));
  }

  remove(): void {
    deleteLink(this.#socket, this.#name);
  }

  close(): void {
    this.#socket.close();
  }
}

const hostPrefix = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;
