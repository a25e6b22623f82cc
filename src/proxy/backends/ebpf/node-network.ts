/** What there is in the node's network namespace, wherever the thread is: addresses, and devices that packets from outside come in by. */
import { networkInterfaces } from "node:os";
import { close, open } from "../../../kernel/ffi.ts";
import { within, withRouteSocket } from "../../../kernel/netns.ts";
import { listLinks } from "../../../kernel/route/mod.ts";
import { cidrContains } from "../../../net/cidr.ts";
import { canonicalIp, parseIp } from "../../../net/ip.ts";
import type { Settings } from "../port.ts";
import type { NodeAddress } from "./node-addresses.ts";

const ownNamespace = "/proc/thread-self/ns/net";
/** What a device without Ethernet headers shows. */
const noMac = "00:00:00:00:00:00";

export class NodeNetwork {
  /** Of the network namespace that the thread is in now. */
  readonly #namespace = open(ownNamespace);

  /** Runs the synchronous `body` in the node's namespace. */
  within<T>(body: () => T): T {
    return within(this.#namespace, body);
  }

  addresses(): NodeAddress[] {
    const entries = this.within(() => Object.values(networkInterfaces())).flatMap((some) => some ?? []);
    return entries.map(({ address, internal }) => ({ text: canonicalIp(address) ?? address, isLoopback: internal }));
  }

  /** Numbers of Ethernet devices with an address that is no Pod's: not the bridge of the node's Pods, nor any link that is told to be theirs. */
  outsideDevices({ podCidrs, podLink }: Settings): number[] {
    const isPodLink = (name: string): boolean =>
      podLink !== undefined && (podLink.isPrefix ? name.startsWith(podLink.name) : name === podLink.name);
    const isPods = (address: string): boolean => {
      const ip = parseIp(address);
      return !ip || podCidrs.some((cidr) => cidrContains(cidr, ip)) || /^fe[89ab]/.test(address);
    };
    const names = Object.entries(this.within(() => networkInterfaces()))
      .filter(([, entries]) =>
        entries?.some(({ address, internal, mac }) => !internal && mac !== noMac && !isPods(address)),
      )
      .map(([name]) => name);
    return withRouteSocket(this.#namespace, listLinks)
      .filter(({ name }) => names.includes(name) && !isPodLink(name))
      .map(({ index }) => index);
  }

  close(): void {
    close(this.#namespace);
  }
}
