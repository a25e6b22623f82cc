import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LoopbackAddresses } from "./loopback.ts";

describe("LoopbackAddresses", () => {
  it("gives an address the same loopback address on every machine and in every order", () => {
    const one = new LoopbackAddresses();
    const other = new LoopbackAddresses();
    other.of("10.96.0.2");
    assert.equal(one.of("10.96.0.1"), "127.72.119.96");
    assert.equal(other.of("10.96.0.1"), "127.72.119.96");
    assert.equal(one.of("10.96.0.1"), "127.72.119.96");
  });
  it("gives 20,000 addresses 20,000 different ones, none that programs use by themselves", () => {
    const addresses = new LoopbackAddresses();
    const found = new Set(Array.from({ length: 20_000 }, (_, n) => addresses.of(`10.96.${n >> 8}.${n & 255}`)));
    assert.equal(found.size, 20_000);
    for (const address of found) {
      assert.match(address, /^127\.\d+\.\d+\.\d+$/);
      assert.doesNotMatch(address, /^127\.(0|255)\.|\.(0|255)$/);
    }
  });
  it("gives a freed address to its next owner", () => {
    const addresses = new LoopbackAddresses();
    const before = addresses.of("10.96.0.1");
    addresses.free("10.96.0.1");
    assert.equal(addresses.of("10.96.0.1"), before);
  });
});
