import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addToIp,
  canonicalIp,
  compareIps,
  formatIp,
  type Ip,
  ipFromBytes,
  ipToBytes,
  isIpv4Mapped,
  parseIp,
  parseIpSloppy,
} from "./ip.ts";

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}

const strict: readonly [text: string, canonical: string | undefined][] = [
  ["0.0.0.0", "0.0.0.0"],
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["10.0.0.256", undefined],
  ["10.0.0", undefined],
  ["10.0.0.1.2", undefined],
  ["10.0.0.01", undefined],
  ["10.0.0.", undefined],
  ["10.0.0.-1", undefined],
  [" 10.0.0.1", undefined],
  ["0x0a.0.0.1", undefined],
  ["", undefined],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8::1", "2001:db8::1"],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["1:2:3:4::5:6:7:8", undefined],
  ["1::2::3", undefined],
  [":::", undefined],
  [":1", undefined],
  ["1:", undefined],
  ["::12345", undefined],
  ["::g", undefined],
  ["fe80::1%eth0", undefined],
  ["10.0.0.1::", undefined],
  ["::10.0.0.1:1", undefined],
  ["::ffff:10.0.0.01", undefined],
];

for (const [text, canonical] of strict) {
  test(`parseIp(${JSON.stringify(text)}) is ${canonical ?? "no address"}`, () => {
    const parsed = parseIp(text);
    assert.equal(parsed && formatIp(parsed), canonical);
  });
}

const sloppy: readonly [text: string, canonical: string | undefined][] = [
  ["010.000.0.08", "10.0.0.8"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::ffff:a00:1", "10.0.0.1"],
  ["::ffff:10.0.0.01", "10.0.0.1"],
  ["FE80::1", "fe80::1"],
  ["10.0.0.0256", undefined],
  ["None", undefined],
];

for (const [text, canonical] of sloppy) {
  test(`parseIpSloppy(${JSON.stringify(text)}) is ${canonical ?? "no address"}`, () => {
    assert.equal(canonicalIp(text), canonical);
    assert.equal(parseIpSloppy(text)?.family, canonical && (canonical.includes(":") ? "IPv6" : "IPv4"));
  });
}

test("an address survives bytes and text for every single bit", () => {
  for (const [family, bits] of [
    ["IPv4", 32],
    ["IPv6", 128],
  ] as const) {
    for (let bit = 0; bit < bits; bit++) {
      const address: Ip = { family, value: 1n << BigInt(bit) };
      assert.deepEqual(ipFromBytes(ipToBytes(address)), address);
      assert.deepEqual(parseIp(formatIp(address)), address);
    }
  }
});

test("ipFromBytes() refuses other lengths", () => {
  assert.throws(() => ipFromBytes(new Uint8Array(5)), RangeError);
});

test("compareIps() puts IPv4 first and then follows the number", () => {
  const sorted = ["::", "10.0.0.10", "10.0.0.9", "2001:db8::1", "9.255.0.0"].map(ip).sort(compareIps).map(formatIp);
  assert.deepEqual(sorted, ["9.255.0.0", "10.0.0.9", "10.0.0.10", "::", "2001:db8::1"]);
  assert.equal(compareIps(ip("10.0.0.1"), ip("10.0.0.1")), 0);
});

test("addToIp() stays inside the family", () => {
  const next = addToIp(ip("10.0.0.255"), 1);
  assert.equal(next && formatIp(next), "10.0.1.0");
  assert.equal(addToIp(ip("255.255.255.255"), 1), undefined);
  assert.equal(addToIp(ip("::"), -1n), undefined);
});

test("isIpv4Mapped() sees only ::ffff:0:0/96", () => {
  assert.equal(isIpv4Mapped(ip("::ffff:1.2.3.4")), true);
  assert.equal(isIpv4Mapped(ip("::1.2.3.4")), false);
  assert.equal(isIpv4Mapped(ip("1.2.3.4")), false);
});
