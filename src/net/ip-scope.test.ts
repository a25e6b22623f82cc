import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "./ip.ts";
import { isLinkLocalMulticast, isLinkLocalUnicast, isLoopback, isMulticast, isUnspecified } from "./ip-scope.ts";

const scopes = { isUnspecified, isLoopback, isLinkLocalUnicast, isLinkLocalMulticast, isMulticast };

const cases: readonly [address: string, scopes: string][] = [
  ["0.0.0.0", "isUnspecified"],
  ["::", "isUnspecified"],
  ["127.0.0.1", "isLoopback"],
  ["127.255.255.255", "isLoopback"],
  ["128.0.0.0", ""],
  ["::1", "isLoopback"],
  ["::2", ""],
  ["169.254.0.0", "isLinkLocalUnicast"],
  ["169.255.0.0", ""],
  ["fe80::1", "isLinkLocalUnicast"],
  ["febf::1", "isLinkLocalUnicast"],
  ["fec0::1", ""],
  ["224.0.0.251", "isLinkLocalMulticast isMulticast"],
  ["224.0.1.0", "isMulticast"],
  ["239.1.2.3", "isMulticast"],
  ["240.0.0.1", ""],
  ["ff02::1", "isLinkLocalMulticast isMulticast"],
  ["ff32::1", "isLinkLocalMulticast isMulticast"],
  ["ff05::1", "isMulticast"],
  ["10.0.0.1", ""],
  ["2001:db8::1", ""],
];

for (const [address, wanted] of cases) {
  test(`${address} is ${wanted || "nothing special"}`, () => {
    const ip = parseIp(address);
    assert.ok(ip);
    const found = Object.entries(scopes).flatMap(([name, holds]) => (holds(ip) ? [name] : []));
    assert.equal(found.join(" "), wanted);
  });
}
