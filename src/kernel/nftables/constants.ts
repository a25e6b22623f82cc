/** Numbers of include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h. */

export const NFNL_MSG_BATCH_BEGIN = 16;
export const NFNL_MSG_BATCH_END = 17;
export const NFNL_SUBSYS_NFTABLES = 10;

export const families = { ip: 2, ip6: 10 } as const;

/** NFT_MSG_* */
export const messages = {
  newTable: 0,
  getTable: 1,
  delTable: 2,
  newChain: 3,
  getChain: 4,
  delChain: 5,
  newRule: 6,
  delRule: 8,
  newSet: 9,
  getSet: 10,
  newSetElem: 12,
  getSetElem: 13,
  delSetElem: 14,
  getGen: 16,
} as const;

/** nf_inet_hooks */
export const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

export const verdicts = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

/** Register 0 takes a verdict; 32-bit registers begin at NFT_REG32_00. */
export const NFT_REG_VERDICT = 0;
export const NFT_REG32_00 = 8;
export const NFT_DATA_VERDICT = 0xffffff00;

export const setFlags = { map: 0x8, timeout: 0x10, evaluated: 0x20, concatenation: 0x80 } as const;

/** Attributes: name of the enum without NFTA_ → its members. */
export const attributes = {
  listElem: 1,
  table: { name: 1, flags: 2 },
  chain: { table: 1, name: 3, hook: 4, policy: 5, type: 7 },
  hook: { number: 1, priority: 2 },
  rule: { table: 1, chain: 2, expressions: 4 },
  expression: { name: 1, data: 2 },
  set: {
    table: 1,
    name: 2,
    flags: 3,
    keyType: 4,
    keyLength: 5,
    dataType: 6,
    dataLength: 7,
    description: 9,
    id: 10,
    timeout: 11,
  },
  setDescription: { size: 1, concatenation: 2 },
  setField: { length: 1 },
  elementList: { table: 1, set: 2, elements: 3 },
  element: { key: 1, data: 2, flags: 3, timeout: 4 },
  data: { value: 1, verdict: 2 },
  verdict: { code: 1, chain: 2 },
  generation: { id: 1 },
} as const;

/** enum nft_meta_keys */
export const metaKeys = { priority: 2, mark: 3, iifname: 6, l4proto: 16 } as const;
/** enum nft_ct_keys */
export const ctKeys = { state: 0, status: 2 } as const;

/** Type numbers of the nft program (include/datatype.h), with the bytes of a field. */
export const fieldTypes = {
  ipv4_addr: { number: 7, length: 4 },
  ipv6_addr: { number: 8, length: 16 },
  inet_proto: { number: 12, length: 1 },
  inet_service: { number: 13, length: 2 },
  mark: { number: 19, length: 4 },
  classid: { number: 23, length: 4 },
} as const;
