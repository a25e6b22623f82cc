import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressCount,
  addressesOf,
  type Cidr,
  cidrContains,
  cidrContainsCidr,
  cidrsOverlap,
  compareCidrs,
  firstAddress,
  formatCidr,
  hasHostBits,
  hostCidr,
  indexInCidr,
  lastAddress,
  networkOf,
  nthAddress,
  parseCidr,
  parseCidrSloppy,
  subnetsOf,
} from "./cidr.ts";
import { formatIp, type Ip, parseIp } from "./ip.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
}

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}

const texts: readonly [text: string, strict: string | undefined, sloppy: string | undefined][] = [
  ["10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"],
  ["10.1.2.3/8", "10.1.2.3/8", "10.1.2.3/8"],
  ["0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0"],
  ["2001:DB8::/32", "2001:db8::/32", "2001:db8::/32"],
  ["10.0.0.0/08", undefined, "10.0.0.0/8"],
  ["010.0.0.0/8", undefined, "10.0.0.0/8"],
  ["::ffff:10.0.0.0/104", "::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ["::ffff:10.0.0.0/90", "::ffff:10.0.0.0/90", undefined],
  ["10.0.0.0/33", undefined, undefined],
  ["2001:db8::/129", undefined, undefined],
  ["10.0.0.0", undefined, undefined],
  ["10.0.0.0/", undefined, undefined],
  ["10.0.0.0/-1", undefined, undefined],
  ["10.0.0.0/8/8", undefined, undefined],
  ["/8", undefined, undefined],
];

for (const [text, strict, sloppy] of texts) {
  test(`${text} is read as ${strict ?? "nothing"} strictly and ${sloppy ?? "nothing"} sloppily`, () => {
    const strictly = parseCidr(text);
    const sloppily = parseCidrSloppy(text);
    assert.equal(strictly && formatCidr(strictly), strict);
    assert.equal(sloppily && formatCidr(sloppily), sloppy);
  });
}

test("networkOf(), firstAddress() and lastAddress() clear and fill the host bits", () => {
  assert.equal(formatCidr(networkOf(cidr("10.1.2.3/20"))), "10.1.0.0/20");
  assert.equal(formatIp(firstAddress(cidr("10.1.2.3/20"))), "10.1.0.0");
  assert.equal(formatIp(lastAddress(cidr("10.1.2.3/20"))), "10.1.15.255");
  assert.equal(formatIp(lastAddress(cidr("2001:db8::/64"))), "2001:db8::ffff:ffff:ffff:ffff");
  assert.equal(hasHostBits(cidr("10.1.2.3/20")), true);
  assert.equal(hasHostBits(cidr("10.1.0.0/20")), false);
  assert.equal(formatCidr(hostCidr(ip("2001:db8::1"))), "2001:db8::1/128");
});

const memberships: readonly [block: string, address: string, index: bigint | undefined][] = [
  ["10.96.0.0/16", "10.96.0.0", 0n],
  ["10.96.0.0/16", "10.96.255.255", 65535n],
  ["10.96.0.0/16", "10.97.0.0", undefined],
  ["10.96.0.0/16", "10.95.255.255", undefined],
  ["10.96.1.1/16", "10.96.0.10", 10n],
  ["0.0.0.0/0", "255.255.255.255", 0xffffffffn],
  ["::/0", "10.0.0.1", undefined],
  ["10.0.0.7/32", "10.0.0.7", 0n],
  ["10.0.0.7/32", "10.0.0.6", undefined],
  ["fd00::/112", "fd00::ffff", 0xffffn],
  ["fd00::/112", "fd00::1:0", undefined],
];

for (const [block, address, index] of memberships) {
  test(`${address} has index ${index ?? "none"} in ${block}`, () => {
    assert.equal(cidrContains(cidr(block), ip(address)), index !== undefined);
    assert.equal(indexInCidr(cidr(block), ip(address)), index);
    if (index === undefined) return;
    const found = nthAddress(cidr(block), index);
    assert.equal(found && formatIp(found), address);
  });
}

test("nthAddress() is undefined outside the block", () => {
  assert.equal(nthAddress(cidr("10.0.0.0/30"), 4), undefined);
  assert.equal(nthAddress(cidr("10.0.0.0/30"), -1), undefined);
});

test("cidrContainsCidr() and cidrsOverlap() agree with plain sets of addresses", () => {
  const blocks = ["10.0.0.0/29", "10.0.0.0/30", "10.0.0.4/30", "10.0.0.6/31", "10.0.0.8/30", "10.0.0.5/32"].map(cidr);
  for (const a of blocks) {
    for (const b of blocks) {
      const inA = new Set([...addressesOf(a)].map(formatIp));
      const inB = new Set([...addressesOf(b)].map(formatIp));
      assert.equal(cidrContainsCidr(a, b), inB.isSubsetOf(inA), `${formatCidr(a)} ${formatCidr(b)}`);
      assert.equal(cidrsOverlap(a, b), !inA.isDisjointFrom(inB), `${formatCidr(a)} ${formatCidr(b)}`);
    }
  }
  assert.equal(cidrsOverlap(cidr("::/0"), cidr("0.0.0.0/0")), false);
});

test("addressesOf() yields the block in order, lazily", () => {
  assert.deepEqual([...addressesOf(cidr("10.0.0.254/30"))].map(formatIp), [
    "10.0.0.252",
    "10.0.0.253",
    "10.0.0.254",
    "10.0.0.255",
  ]);
  assert.deepEqual([...addressesOf(cidr("::/0")).take(2)].map(formatIp), ["::", "::1"]);
  assert.equal(addressCount(cidr("::/0")), 1n << 128n);
});

test("subnetsOf() cuts a block into equal parts", () => {
  assert.deepEqual([...subnetsOf(cidr("10.244.0.0/16"), 24).take(2)].map(formatCidr), [
    "10.244.0.0/24",
    "10.244.1.0/24",
  ]);
  assert.equal([...subnetsOf(cidr("10.244.0.0/16"), 24)].length, 256);
  assert.deepEqual([...subnetsOf(cidr("fd00::/62"), 64)].map(formatCidr), [
    "fd00::/64",
    "fd00:0:0:1::/64",
    "fd00:0:0:2::/64",
    "fd00:0:0:3::/64",
  ]);
  assert.throws(() => subnetsOf(cidr("10.0.0.0/24"), 16).next(), RangeError);
});

test("compareCidrs() orders by first address, larger blocks first", () => {
  const sorted = ["fd00::/8", "10.0.1.0/24", "10.0.0.0/24", "10.0.0.0/16"].map(cidr).sort(compareCidrs).map(formatCidr);
  assert.deepEqual(sorted, ["10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "fd00::/8"]);
});
