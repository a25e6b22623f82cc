/** Expressions → attributes: names and numbers of nf_tables.h, enum nft_*_attributes. */
import type { MessageBuffer } from "../netlink/message.ts";
import { attributes as a, ctKeys, metaKeys, NFT_REG_VERDICT, NFT_REG32_00, verdicts } from "./constants.ts";
import type { Bytes, Expression, Table } from "./port.ts";

const bases = { network: 1, transport: 2 } as const;
const comparisons = { equal: 0, unequal: 1 } as const;
const dynamicActions = { update: 1, delete: 2 } as const;
const NFT_LOOKUP_F_INV = 1;
const NFT_NG_RANDOM = 1;
const NFT_FIB_RESULT_ADDRTYPE = 3;
const fibFlags = { saddr: 1, daddr: 2 } as const;
const NFT_NAT_DNAT = 1;
const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 16;
const rejectTypes = { "port-unreachable": 0, "tcp-reset": 1 } as const;
/** ICMP and ICMPv6 codes of "port unreachable" (RFC 792, RFC 4443 section 3.1). */
const portUnreachable = { ip: 3, ip6: 4 } as const;
const families = { ip: 2, ip6: 10 } as const;

const register = (number: number): number => NFT_REG32_00 + number;

/** The kernel's name of the expression's kind, where it is not ours. */
const kernelNames: Partial<Record<Expression["name"], string>> = {
  "meta-set": "meta",
  "fib-type": "fib",
  compare: "cmp",
  random: "numgen",
  "dynamic-set": "dynset",
  verdict: "immediate",
  dnat: "nat",
  masquerade: "masq",
};

export function encodeExpression(m: MessageBuffer, expression: Expression, family: Table["family"]): void {
  const element = m.nest(a.listElem);
  m.attrString(a.expression.name, kernelNames[expression.name] ?? expression.name);
  const data = m.nest(a.expression.data);
  encodeBody(m, expression, family);
  m.unnest(data).unnest(element);
}

function encodeBody(m: MessageBuffer, e: Expression, family: Table["family"]): void {
  switch (e.name) {
    case "payload":
      m.attrU32be(1, register(e.to)).attrU32be(2, bases[e.base]).attrU32be(3, e.offset).attrU32be(4, e.length);
      return;
    case "meta":
      m.attrU32be(1, register(e.to)).attrU32be(2, metaKeys[e.key]);
      return;
    case "meta-set":
      m.attrU32be(2, metaKeys[e.key]).attrU32be(3, register(e.from));
      return;
    case "ct":
      m.attrU32be(1, register(e.to)).attrU32be(2, ctKeys[e.key]);
      return;
    case "fib-type":
      m.attrU32be(1, register(e.to)).attrU32be(2, NFT_FIB_RESULT_ADDRTYPE).attrU32be(3, fibFlags[e.of]);
      return;
    case "compare":
      m.attrU32be(1, register(e.from)).attrU32be(2, comparisons[e.is]);
      encodeData(m, 3, e.value);
      return;
    case "bitwise":
      m.attrU32be(1, register(e.from)).attrU32be(2, register(e.to)).attrU32be(3, e.mask.length);
      encodeData(m, 4, e.mask);
      encodeData(m, 5, e.xor);
      return;
    case "lookup":
      m.attrString(1, e.set).attrU32be(2, register(e.from));
      if (e.to !== undefined) m.attrU32be(3, e.to === "verdict" ? NFT_REG_VERDICT : register(e.to));
      if (e.absent) m.attrU32be(5, NFT_LOOKUP_F_INV);
      return;
    case "random":
      m.attrU32be(1, register(e.to)).attrU32be(2, e.modulus).attrU32be(3, NFT_NG_RANDOM);
      if (e.offset) m.attrU32be(4, e.offset);
      return;
    case "dynamic-set":
      m.attrString(1, e.set).attrU32be(3, dynamicActions[e.action]).attrU32be(4, register(e.key));
      m.attrU32be(5, register(e.data));
      if (e.timeoutMs !== undefined) m.attrU64be(6, e.timeoutMs);
      return;
    case "immediate":
      m.attrU32be(1, register(e.to));
      encodeData(m, 2, e.value);
      return;
    case "verdict":
      m.attrU32be(1, NFT_REG_VERDICT);
      encodeVerdict(m, 2, verdicts[e.verdict], "chain" in e ? e.chain : undefined);
      return;
    case "dnat":
      m.attrU32be(1, NFT_NAT_DNAT).attrU32be(2, families[family]);
      m.attrU32be(3, register(e.address)).attrU32be(5, register(e.port));
      return;
    case "masquerade":
      m.attrU32be(1, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
      return;
    case "reject":
      m.attrU32be(1, rejectTypes[e.how]).attrU8(2, e.how === "tcp-reset" ? 0 : portUnreachable[family]);
      return;
  }
}

export function encodeData(m: MessageBuffer, type: number, value: Bytes): void {
  const data = m.nest(type);
  m.attrLatin1(a.data.value, value);
  m.unnest(data);
}

export function encodeVerdict(m: MessageBuffer, type: number, code: number, chain?: string): void {
  const data = m.nest(type);
  const verdict = m.nest(a.data.verdict);
  m.attrU32be(a.verdict.code, code);
  if (chain !== undefined) m.attrString(a.verdict.chain, chain);
  m.unnest(verdict).unnest(data);
}
