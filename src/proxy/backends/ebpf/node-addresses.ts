/** The node's addresses that take node ports, as elements. Pure. */

import { u32 } from "../../../kernel/nftables/values.ts";
import { cidrContains } from "../../../net/cidr.ts";
import { parseIp } from "../../../net/ip.ts";
import type { Settings } from "../port.ts";
import { address } from "./layout.ts";
import type { Element } from "./render.ts";

export interface NodeAddress {
  readonly text: string;
  readonly isLoopback: boolean;
}

/** Those of blocks that the settings name; all of a family that no block is of. Of loopback only 127.0.0.1, where it is wanted. */
export function renderAddresses(addresses: readonly NodeAddress[], settings: Settings): Element[] {
  return addresses
    .filter((one) => takesNodePorts(one, settings))
    .map(({ text, isLoopback }) => ({
      map: "addresses",
      key: address(text),
      value: u32(isLoopback ? 1 : 0),
    }));
}

function takesNodePorts({ text, isLoopback }: NodeAddress, { nodePortCidrs, localhostNodePorts }: Settings): boolean {
  const ip = parseIp(text);
  if (!ip) return false;
  if (isLoopback) return text === "127.0.0.1" && localhostNodePorts;
  const blocks = nodePortCidrs.filter((cidr) => cidr.ip.family === ip.family);
  return blocks.length === 0 || blocks.some((cidr) => cidrContains(cidr, ip));
}
