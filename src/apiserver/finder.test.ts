import assert from "node:assert/strict";
import { test } from "node:test";
import { finder } from "./finder.ts";

const wanted = [
  "abab",
  "ababcababd",
  "service.kubernetes.io/headless",
  "aaaaaaaaaaaaaaaa",
  "é".repeat(150),
  "x".repeat(300),
];
const around = ["", "a", "ab", "ababcabab", "service.kubernetes.io/", "headless", "aaaaaaaaaaaaaaa", "é", "xxxxxxxx"];

test("finder() finds what is there, at the start, between and at the end, and nothing else", () => {
  for (const text of wanted) {
    const isIn = finder(text);
    for (const before of around) {
      for (const after of around) {
        for (const middle of [text, text.slice(1), text.slice(0, -1), ""]) {
          const bytes = Buffer.from(before + middle + after);
          assert.equal(isIn(bytes), bytes.includes(text), `${text} in ${bytes}`);
        }
      }
    }
  }
});
