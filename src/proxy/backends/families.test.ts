import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { supportedFamilies } from "./families.ts";

it("P198 both families where the kernel has IPv6, else IPv4 alone", () => {
  assert.deepEqual(supportedFamilies(import.meta.filename), ["IPv4", "IPv6"]);
  assert.deepEqual(supportedFamilies(join(import.meta.dirname, "none")), ["IPv4"]);
});
