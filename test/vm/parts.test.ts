import assert from "node:assert/strict";
import { test } from "node:test";
import { titles } from "../packets/deviations-page.ts";
import { parts } from "./parts.ts";

test("every test of the packet table is run by exactly one machine", () => {
  const patterns = Object.values(parts).map((text) => new RegExp(text));
  assert.deepEqual(
    titles.filter((title) => patterns.filter((pattern) => pattern.test(title)).length !== 1),
    [],
  );
});
