import assert from "node:assert/strict";
import test from "node:test";
import { kinds } from "../api/kinds/mod.ts";
import { selectionOf } from "./selection.ts";

const kind = kinds.find(({ plural }) => plural === "configmaps");
assert.ok(kind);

const entryOf = (labels: Record<string, string> | undefined, data: Record<string, string> = {}) => {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one", ...(labels && { labels }) }, data };
  return { key: "one", revision: 1, value: Buffer.from(JSON.stringify(object)) };
};

const selectors = ["!a/b", "a/b", "a/b=1", "a/b!=1", "a/b in (1,2)", "a/b notin (1)", "a/b>0", "!a/b,!c", "a/b,!c"];
const entries = [
  entryOf(undefined),
  entryOf({}),
  entryOf({ other: "1" }),
  entryOf({ "a/b": "1" }),
  entryOf({ "a/b": "2", c: "" }),
  // The key stands elsewhere.
  entryOf({ other: "a" }, { "a/b": "1" }),
];
for (const labelSelector of selectors) {
  test(`selectionOf(): "${labelSelector}" says the same of bytes as of the object`, () => {
    const selection = selectionOf(kind, { labelSelector, fieldSelector: "" });
    for (const entry of entries) {
      const object = JSON.parse(entry.value.toString());
      assert.equal(selection.matchesEntry(entry), selection.matches(object), entry.value.toString());
    }
  });
}

test("selectionOf(): fields are looked at, whatever the labels", () => {
  const selection = selectionOf(kind, { labelSelector: "!gone", fieldSelector: "metadata.name=two" });
  assert.equal(selection.matchesEntry(entryOf(undefined)), false);
});
