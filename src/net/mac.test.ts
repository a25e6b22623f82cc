import assert from "node:assert/strict";
import { test } from "node:test";
import { macOf } from "./mac.ts";

test("an address has one MAC, which nobody else's card has", () => {
  assert.equal(macOf("10.244.0.5"), "02:0a:0a:f4:00:05");
  assert.equal(macOf("fd00:10:244::5"), "02:0a:00:00:00:05");
});
