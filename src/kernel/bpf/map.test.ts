import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../ffi.ts";
import { u32 } from "../nftables/values.ts";
import { mapType } from "./constants.ts";
import { BpfMap } from "./map.ts";
import { probeServicePrograms } from "./service-programs.ts";
import { createMap } from "./syscall.ts";

const support = probeServicePrograms();

function open(maxEntries: number): BpfMap {
  const shape = { type: mapType.HASH, keySize: 8, valueSize: 4, maxEntries, flags: 1 };
  return new BpfMap("test", createMap("test", shape), shape);
}

const entry = (n: number) => ({
  key: `key${String(n).padStart(5, "0")}`,
  value: String.fromCharCode(n & 255, n >> 8, 0, 255),
});
const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);

describe("BpfMap", { skip: support.ok ? false : support.reason }, () => {
  it("writes, reads and deletes one element", () => {
    const map = open(10);
    assert.equal(map.get(entry(1).key), undefined);
    map.set(entry(1).key, entry(1).value);
    assert.equal(map.get(entry(1).key), entry(1).value);
    assert.equal(map.delete(entry(1).key), true);
    assert.equal(map.delete(entry(1).key), false);
    map.close();
  });
  it("writes, lists and deletes many, those that are not there passed over", () => {
    const map = open(30_000);
    const all = Array.from({ length: 20_000 }, (_, n) => entry(n));
    assert.deepEqual(map.setAll(all), { done: all.length });
    assert.deepEqual(map.entries().sort(byKey), all);
    const gone = Array.from({ length: 10_000 }, (_, n) => entry(n * 3).key);
    map.deleteAll(gone);
    assert.deepEqual(
      map.entries().sort(byKey),
      all.filter((_, n) => n % 3 !== 0),
    );
    map.close();
  });
  it("P243 says how far it came when the map is full", () => {
    const map = open(100);
    const { done, error } = map.setAll(Array.from({ length: 150 }, (_, n) => entry(n)));
    assert.equal(done, 100);
    assert.ok(hasCode(error, "E2BIG"));
    assert.equal(map.entries().length, 100);
    map.close();
  });
  it("takes one with several values for as many, over the end of a batch", () => {
    const map = open(30_000);
    const [lists, each] = [9_000, 3];
    const key = (list: number, n: number) => u32(list) + u32(5 + n);
    const value = (list: number, n: number) => u32(list * each + n);
    const of = (list: number) => Array.from({ length: each }, (_, n) => value(list, n)).join("");
    const all = Array.from({ length: lists }, (_, list) => ({ key: key(list, 0), value: of(list) }));
    assert.deepEqual(map.setAll(all), { done: lists * each });
    for (const [list, n] of [
      [0, 0],
      [2730, 1],
      [2730, 2],
      [2731, 0],
      [lists - 1, each - 1],
    ] as const)
      assert.equal(map.get(key(list, n)), value(list, n));
    assert.equal(map.entries().length, lists * each);
    map.close();
  });
  it("refuses bytes of another size", () => {
    const map = open(10);
    assert.throws(
      () => map.setAll([{ key: "12345678", value: "12345" }]),
      /value of 5 bytes in the map "test": it must have 4/,
    );
    assert.throws(
      () => map.setAll([{ key: "short", value: "1234" }]),
      /key of 5 bytes in the map "test": it must have 8/,
    );
    map.close();
  });
});
