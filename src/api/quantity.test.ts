import assert from "node:assert/strict";
import { test } from "node:test";
import { compareQuantities, milliValueOf, parseQuantity, wholeValueOf } from "./quantity.ts";

const canonical: readonly (readonly [text: string, want: string | undefined])[] = [
  ["0", "0"],
  ["0Gi", "0"],
  ["1.5Gi", "1536Mi"],
  ["1024Ki", "1Mi"],
  ["1Ki", "1Ki"],
  ["1024", "1024"],
  ["1000", "1k"],
  ["0.1", "100m"],
  ["1500m", "1500m"],
  ["1000m", "1"],
  ["1e3", "1e3"],
  ["12e6", "12e6"],
  ["1E", "1E"],
  ["-1.5", "-1500m"],
  [".5", "500m"],
  ["5.", "5"],
  ["0.0000000001", "1n"],
  ["", undefined],
  ["1GB", undefined],
  ["1 Gi", undefined],
  ["x", undefined],
  ["1.2.3", undefined],
];

for (const [text, want] of canonical) {
  test(`parseQuantity(${JSON.stringify(text)}) is ${want}`, () => assert.equal(parseQuantity(text)?.canonical, want));
}

test("compareQuantities() compares amounts, not texts", () => {
  assert.equal(compareQuantities("1", "1000m"), 0);
  assert.equal(compareQuantities("1Ki", "1k"), 1);
  assert.equal(compareQuantities("999m", "1"), -1);
  assert.throws(() => compareQuantities("x", "1"), TypeError);
});

test("milliValueOf() and wholeValueOf() round up", () => {
  const inputs = ["100m", "1.5", "128Mi", "1e3", "2k", "1n", "x", "", undefined];
  const none = [undefined, undefined, undefined];
  assert.deepEqual(inputs.map(milliValueOf), [100, 1500, 128_000 * 2 ** 20, 1_000_000, 2_000_000, 1, ...none]);
  assert.deepEqual(inputs.map(wholeValueOf), [1, 2, 128 * 2 ** 20, 1000, 2000, 1, ...none]);
});
