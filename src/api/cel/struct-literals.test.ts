import assert from "node:assert/strict";
import { test } from "node:test";
import { plainLiterals } from "./struct-literals.ts";

const cases = [
  ["Object{spec: Object.spec{replicas: 3}}", '{"spec": {"replicas": 3}}'],
  ["[JSONPatch{op: 'add', value: a ? b : c}]", '[{"op": \'add\', "value": a ? b : c}]'],
  ["a ? Object{} : Object{x: {'b{c: d}': e}}", "a ? {} : {\"x\": {'b{c: d}': e}}"],
  ["Object{ f : g(a, b ? c : d), h: [1].map(x, {'k': x}) }", '{ "f" : g(a, b ? c : d), "h": [1].map(x, {\'k\': x}) }'],
  ["Object{x: 1, // y: 2\n z: 3}", '{"x": 1, // y: 2\n "z": 3}'],
  ["myObject.map(Object, {a: b})", "myObject.map(Object, {a: b})"],
] as const;

test("plainLiterals() makes maps of objects of named types, and touches nothing else", () => {
  for (const [text, plain] of cases) assert.equal(plainLiterals(text), plain);
});
