import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { KubeObject } from "../object.ts";
import { kindOf, kinds } from "./mod.ts";

test("kindOf() finds every kind at its path, and nothing else", () => {
  for (const kind of kinds) assert.equal(kindOf(kind.group, kind.version, kind.plural), kind);
  assert.equal(kindOf("", "v1", "deployments"), undefined);
  assert.equal(kindOf("apps", "v2", "deployments"), undefined);
});

test("no two kinds answer to the same word", () => {
  const own = kinds.filter(({ stored }) => !stored);
  const words = own.flatMap(({ plural, singular, shortNames }) => [...new Set([plural, singular, ...shortNames])]);
  assert.equal(new Set(words).size, words.length);
});

test("an object with nothing in it is judged and printed, not crashed on", () => {
  for (const kind of kinds) {
    const object: KubeObject = { apiVersion: "v1", kind: kind.kind, metadata: { name: "one", namespace: "default" } };
    kind.setDefaults?.(object);
    kind.prepareForCreate?.(object);
    const once = structuredClone(object);
    kind.setDefaults?.(object);
    assert.deepEqual(object, once, `${kind.kind} defaults are stable`);
    kind.validate?.(object);
    assert.deepEqual(kind.validateUpdate?.(structuredClone(object), object) ?? [], [], kind.kind);
    for (const { name, cell } of kind.columns) assert.notEqual(cell(object, 0), undefined, `${kind.kind} ${name}`);
    for (const read of Object.values(kind.fieldSelectors ?? {})) assert.equal(typeof read(object), "string", kind.kind);
    kind.warnings?.(object, undefined);
  }
});

test("every kind names a schema that is there, and prints a name", () => {
  const schemas = readFileSync(new URL("../schema.gen.json", import.meta.url), "utf8");
  for (const { schema, columns } of kinds) {
    assert.ok(schemas.includes(JSON.stringify(schema)), schema);
    assert.equal(columns.filter(({ format }) => format === "name").length, 1, schema);
  }
});
