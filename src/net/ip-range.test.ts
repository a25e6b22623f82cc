import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesOf, formatCidr } from "./cidr.ts";
import { formatIp, parseIp } from "./ip.ts";
import {
  cidrsOfRange,
  formatIpRange,
  type IpRange,
  nthInRange,
  parseIpRange,
  rangeContains,
  rangeSize,
  rangesOverlap,
} from "./ip-range.ts";

function range(text: string): IpRange {
  const parsed = parseIpRange(text);
  assert.ok(parsed, text);
  return parsed;
}

const texts: readonly [text: string, formatted: string | undefined][] = [
  ["192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20"],
  ["192.0.2.10 - 192.0.2.20", "192.0.2.10-192.0.2.20"],
  ["192.0.2.10-192.0.2.10", "192.0.2.10"],
  ["192.0.2.10", "192.0.2.10"],
  ["192.0.2.0/24", "192.0.2.0-192.0.2.255"],
  ["2001:db8::-2001:db8::f", "2001:db8::-2001:db8::f"],
  ["2001:db8::/126", "2001:db8::-2001:db8::3"],
  ["192.0.2.20-192.0.2.10", undefined],
  ["192.0.2.1-2001:db8::1", undefined],
  ["192.0.2.1-192.0.2.2-192.0.2.3", undefined],
  ["192.0.2.1-", undefined],
  ["", undefined],
];

for (const [text, formatted] of texts) {
  test(`parseIpRange(${JSON.stringify(text)}) is ${formatted ?? "nothing"}`, () => {
    const parsed = parseIpRange(text);
    assert.equal(parsed && formatIpRange(parsed), formatted);
  });
}

test("cidrsOfRange() covers a range exactly, with the fewest blocks", () => {
  assert.deepEqual(cidrsOfRange(range("10.0.0.1-10.0.0.10")).map(formatCidr), [
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.4/30",
    "10.0.0.8/31",
    "10.0.0.10/32",
  ]);
  assert.deepEqual(cidrsOfRange(range("0.0.0.0-255.255.255.255")).map(formatCidr), ["0.0.0.0/0"]);
  assert.deepEqual(cidrsOfRange(range("::/0")).map(formatCidr), ["::/0"]);
});

test("cidrsOfRange() holds the same addresses as the range, for every range in a /28", () => {
  for (let first = 0; first < 16; first++) {
    for (let last = first; last < 16; last++) {
      const blocks = cidrsOfRange(range(`10.0.0.${first}-10.0.0.${last}`));
      const addresses = blocks.flatMap((block) => [...addressesOf(block)].map(formatIp));
      assert.deepEqual(
        addresses,
        Array.from({ length: last - first + 1 }, (_, index) => `10.0.0.${first + index}`),
      );
    }
  }
});

test("a range knows its size, its members and its neighbours", () => {
  const pool = range("192.0.2.10-192.0.2.20");
  assert.equal(rangeSize(pool), 11n);
  const last = nthInRange(pool, 10);
  assert.equal(last && formatIp(last), "192.0.2.20");
  assert.equal(nthInRange(pool, 11), undefined);
  for (const [address, inside] of [
    ["192.0.2.9", false],
    ["192.0.2.10", true],
    ["192.0.2.20", true],
    ["192.0.2.21", false],
    ["::1", false],
  ] as const) {
    const ip = parseIp(address);
    assert.equal(ip && rangeContains(pool, ip), inside, address);
  }
  assert.equal(rangesOverlap(pool, range("192.0.2.20-192.0.2.30")), true);
  assert.equal(rangesOverlap(pool, range("192.0.2.21-192.0.2.30")), false);
  assert.equal(rangesOverlap(range("0.0.0.0/0"), range("::/0")), false);
});
