/**
 * The sets of the table "fairlead-ipvs": what IPVS cannot decide. Their number does not depend on the number of Services.
 *
 *   packet → roles[address . protocol . port] → mark for masquerade, mark for the near service, drop, or refuse
 */
import type { FieldType, SetSpec } from "../../../kernel/nftables/port.ts";
import { u32 } from "../../../kernel/nftables/values.ts";
import type { IpFamily } from "../../../net/ip.ts";

export const tableName = "fairlead-ipvs";
export const linkName = "fairlead-ipvs0";

/**
 * What becomes of a new connection, beside the choice of its server:
 * cluster: masqueraded unless it comes from a Pod; external: masqueraded; local: near clients get their own service, others
 * keep their address; localDrop: the same, others are dropped; drop and reject: everybody's.
 */
export const roles = { cluster: 1, external: 2, local: 3, localDrop: 4, drop: 5, reject: 6 } as const;
export type Role = keyof typeof roles;

export const roleValue = (role: Role): string => u32(roles[role]);

export function setsOf(family: IpFamily): readonly SetSpec[] {
  const address: FieldType = family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  const vip: readonly FieldType[] = [address, "inet_proto", "inet_service"];
  const port: readonly FieldType[] = ["inet_proto", "inet_service"];
  return [
    { name: "roles", key: vip, value: ["mark"] },
    { name: "port-roles", key: port, value: ["mark"] },
    { name: "near", key: vip, value: ["mark"] },
    { name: "near-ports", key: port, value: ["mark"] },
    { name: "bound", key: [address] },
    { name: "hairpin", key: [address, address] },
    { name: "ranged", key: vip },
    { name: "layout", key: ["mark"], value: ["mark"] },
  ];
}

const maps = new Set(["roles", "port-roles", "near", "near-ports", "layout"]);

export const valuesOf = (set: string): "none" | "data" => (maps.has(set) ? "data" : "none");

/** True for the sets of the table; the model has others, which are not the kernel's. */
export function isTableSet(set: string): boolean {
  return maps.has(set) || ["bound", "hairpin", "ranged"].includes(set) || set.startsWith("range-");
}
