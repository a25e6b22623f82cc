/**
 * Host ports as a table of nf_tables of their own (pure), made anew with each change, since they are few:
 *
 *   every  protocol . port → address . port            at  address . protocol . port → address . port
 *
 * Hooks and priorities are those of CNI's portmap plugin.
 */
import { isIPv6 } from "node:net";
import type {
  BaseHook,
  Bytes,
  Command,
  Expression,
  FieldType,
  Rule,
  SetSpec,
  Table,
} from "../../kernel/nftables/port.ts";
import { addressBytes, portBytes, protocolBytes, targetBytes, u32 } from "../../kernel/nftables/values.ts";
import type { HostPort } from "./host-ports.ts";

export const hostPortTables: readonly Table[] = [
  { family: "ip", name: "fairlead-host-ports" },
  { family: "ip6", name: "fairlead-host-ports" },
];

const dstnat = -100;
const srcnat = 100;
/** IPS_DST_NAT of the kernel's connection tracking; RTN_LOCAL of rtnetlink. */
const statusDnat = 32;
const localType = 2;

interface Layout {
  readonly address: FieldType;
  /** Registers that an address takes, and its bytes and places in the packet's header. */
  readonly registers: number;
  readonly length: number;
  readonly source: number;
  readonly destination: number;
  readonly loopback: { readonly mask: Bytes; readonly value: Bytes };
}

const layouts: Readonly<Record<Table["family"], Layout>> = {
  ip: {
    ...{ address: "ipv4_addr", registers: 1, length: 4, source: 12, destination: 16 },
    loopback: { mask: "\xff\0\0\0", value: "\x7f\0\0\0" },
  },
  ip6: {
    ...{ address: "ipv6_addr", registers: 4, length: 16, source: 8, destination: 24 },
    loopback: { mask: "\xff".repeat(16), value: `${"\0".repeat(15)}\x01` },
  },
};

const sets = ({ address }: Layout): SetSpec[] => [
  { name: "every", key: ["inet_proto", "inet_service"], value: [address, "inet_service"] },
  { name: "at", key: [address, "inet_proto", "inet_service"], value: [address, "inet_service"] },
  { name: "hairpin", key: [address, address] },
];

const load = ({ length }: Layout, offset: number, to: number): Expression => ({
  ...{ name: "payload", base: "network" },
  ...{ to, offset, length },
});
const loadPort = (to: number): Expression[] => [
  { name: "meta", key: "l4proto", to },
  { name: "payload", to: to + 1, base: "transport", offset: 2, length: 2 },
];
const isLoopback = (layout: Layout, offset: number, is: "equal" | "unequal"): Expression[] => [
  load(layout, offset, 0),
  { name: "bitwise", from: 0, to: 0, mask: layout.loopback.mask, xor: "\0".repeat(layout.length) },
  { name: "compare", from: 0, is, value: layout.loopback.value },
];
const isForUs: Expression[] = [
  { name: "fib-type", of: "daddr", to: 0 },
  { name: "compare", from: 0, is: "equal", value: u32(localType) },
];
const isRewritten: Expression[] = [
  { name: "ct", key: "status", to: 0 },
  { name: "bitwise", from: 0, to: 0, mask: u32(statusDnat), xor: u32(0) },
  { name: "compare", from: 0, is: "unequal", value: u32(0) },
];

function rules(layout: Layout): { chain: string; base?: BaseHook; rules: readonly Rule[] }[] {
  const { registers, source, destination } = layout;
  const target = registers + 2;
  const rewrite: Expression = { name: "dnat", address: target, port: target + registers };
  const jump: Expression = { name: "verdict", verdict: "jump", chain: "ports" };
  return [
    {
      chain: "ports",
      rules: [
        [
          load(layout, destination, 0),
          ...loadPort(registers),
          { name: "lookup", set: "at", from: 0, to: target },
          rewrite,
        ],
        [...loadPort(0), { name: "lookup", set: "every", from: 0, to: target }, rewrite],
      ],
    },
    {
      chain: "prerouting",
      base: { type: "nat", hook: "prerouting", priority: dstnat },
      // Nothing that comes over a wire is for 127.0.0.1, whatever it says.
      rules: [[...isForUs, ...isLoopback(layout, destination, "unequal"), jump]],
    },
    {
      chain: "output",
      base: { type: "nat", hook: "output", priority: dstnat },
      rules: [[...isForUs, jump]],
    },
    {
      chain: "postrouting",
      base: { type: "nat", hook: "postrouting", priority: srcnat },
      rules: [
        [...isRewritten, ...isLoopback(layout, source, "equal"), { name: "masquerade" }],
        [
          ...isRewritten,
          load(layout, source, 0),
          load(layout, destination, registers),
          { name: "lookup", set: "hairpin", from: 0 },
          { name: "masquerade" },
        ],
      ],
    },
  ];
}

function elements(ports: readonly HostPort[]): Readonly<Record<string, ReadonlyMap<Bytes, Bytes>>> {
  const found = { every: new Map<Bytes, Bytes>(), at: new Map<Bytes, Bytes>(), hairpin: new Map<Bytes, Bytes>() };
  for (const { hostIp, protocol, hostPort, podIp, containerPort } of ports) {
    const key = protocolBytes(protocol) + portBytes(hostPort);
    const value = targetBytes({ ip: podIp, port: containerPort });
    if (hostIp === "") found.every.set(key, value);
    else found.at.set(addressBytes(hostIp) + key, value);
    found.hairpin.set(addressBytes(podIp).repeat(2), "");
  }
  return found;
}

/** One transaction: the table that was, if any, gives way to one of these ports; without ports there is none. */
export function hostPortCommands(table: Table, ports: readonly HostPort[]): Command[] {
  const mine = ports.filter(({ podIp }) => isIPv6(podIp) === (table.family === "ip6"));
  const layout = layouts[table.family];
  const clear: Command[] = [
    { op: "add-table", table },
    { op: "delete-table", table },
  ];
  if (mine.length === 0) return clear;
  const found = elements(mine);
  return [
    ...clear,
    { op: "add-table", table },
    ...sets(layout).map((set): Command => ({ op: "add-set", table, set })),
    ...sets(layout).map(
      ({ name, value }): Command => ({
        ...{ op: "add-elements", table, set: name, values: value ? "data" : "none" },
        elements: [...(found[name] ?? [])].map(([key, data]) => ({ key, value: data })),
      }),
    ),
    ...rules(layout).flatMap(({ chain, base, rules: all }): Command[] => [
      { op: "add-chain", table, chain, ...(base ? { base } : {}) },
      ...all.map((rule): Command => ({ op: "add-rule", table, chain, rule })),
    ]),
  ];
}
