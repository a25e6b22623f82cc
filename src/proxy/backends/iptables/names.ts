/** Names of chains and of recent lists. A chain's name has at most 28 characters (XT_EXTENSION_MAXNAMELEN). */
import { hash } from "node:crypto";

/** Every chain of ours, and none of anyone else's, begins so. */
export const prefix = "FAIRLEAD-";

export const chains = {
  services: "FAIRLEAD-SERVICES",
  nodePorts: "FAIRLEAD-NODEPORTS",
  postrouting: "FAIRLEAD-POSTROUTING",
  masquerade: "FAIRLEAD-MASQUERADE",
  foreign: "FAIRLEAD-FOREIGN",
  loopback: "FAIRLEAD-LOOPBACK",
  firewall: "FAIRLEAD-FIREWALL",
  closed: "FAIRLEAD-CLOSED",
  forward: "FAIRLEAD-FORWARD",
  reject: "FAIRLEAD-REJECT",
} as const;

/** SVC: any endpoint; SVL: one of this node; EXT: traffic from outside; FW: source ranges. */
export type PortChainKind = "SVC" | "SVL" | "EXT" | "FW";

/** e.g. "FAIRLEAD-SVC-3f1c09aa71b2e4d"; `port` is the Service port's unique name. */
export function portChain(kind: PortChainKind, port: string): string {
  return `${prefix}${kind}-${hash("sha256", port).slice(0, 15)}`;
}

/** The list of the clients that last went to this endpoint by this port, e.g. "FAIRLEAD-3f1c09aa71b2e4d". */
export function recentList(port: string, endpoint: string): string {
  return prefix + hash("sha256", `${port} ${endpoint}`).slice(0, 15);
}

/** Kinds of chains, those that others go to first: a chain must be there before a rule that names it. */
const depth: readonly RegExp[] = [
  /^FAIRLEAD-(SVC|SVL|FW)-/,
  /^FAIRLEAD-(MASQUERADE|FOREIGN|REJECT)$/,
  /^FAIRLEAD-EXT-/,
  /^FAIRLEAD-(VIP|LOOP)-[0-9A-F]{2}$/,
  /^FAIRLEAD-(VIP|LOOP)-[0-9A-F]$/,
  /^FAIRLEAD-NP-/,
  /^FAIRLEAD-NODEPORTS$/,
];

/** Smaller: referred to by chains of larger depth only. */
export function depthOf(chain: string): number {
  const found = depth.findIndex((pattern) => pattern.test(chain));
  return found < 0 ? depth.length : found;
}
