import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiFault } from "../status.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch } from "./merge-patch.ts";
import { strategicMerge } from "./strategic-merge.ts";

interface Case {
  readonly name: string;
  readonly original: unknown;
  readonly patch: unknown;
  readonly want: unknown;
}

/** From RFC 6902, appendix A, as far as they patch. */
const jsonCases: readonly Case[] = [
  {
    name: "adds a member",
    original: { foo: "bar" },
    patch: [{ op: "add", path: "/baz", value: "qux" }],
    want: { foo: "bar", baz: "qux" },
  },
  {
    name: "adds an item",
    original: { foo: ["bar", "baz"] },
    patch: [{ op: "add", path: "/foo/1", value: "qux" }],
    want: { foo: ["bar", "qux", "baz"] },
  },
  {
    name: "adds at the end",
    original: { foo: ["bar"] },
    patch: [{ op: "add", path: "/foo/-", value: ["x"] }],
    want: { foo: ["bar", ["x"]] },
  },
  {
    name: "adds just behind the end",
    original: { foo: ["bar"] },
    patch: [{ op: "add", path: "/foo/1", value: 1 }],
    want: { foo: ["bar", 1] },
  },
  { name: "removes a member", original: { a: 1, b: 2 }, patch: [{ op: "remove", path: "/a" }], want: { b: 2 } },
  {
    name: "removes an item",
    original: { foo: [1, 2, 3] },
    patch: [{ op: "remove", path: "/foo/1" }],
    want: { foo: [1, 3] },
  },
  {
    name: "replaces",
    original: { a: 1, b: [1] },
    patch: [
      { op: "replace", path: "/a", value: 2 },
      { op: "replace", path: "/b/0", value: 3 },
    ],
    want: { a: 2, b: [3] },
  },
  {
    name: "replaces the whole",
    original: { a: 1 },
    patch: [{ op: "replace", path: "", value: { b: 1 } }],
    want: { b: 1 },
  },
  {
    name: "moves",
    original: { foo: { bar: 1 }, qux: {} },
    patch: [{ op: "move", from: "/foo/bar", path: "/qux/thud" }],
    want: { foo: {}, qux: { thud: 1 } },
  },
  {
    name: "moves an item",
    original: { foo: [1, 2, 3, 4] },
    patch: [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    want: { foo: [1, 3, 4, 2] },
  },
  {
    name: "copies",
    original: { a: { b: 1 } },
    patch: [
      { op: "copy", from: "/a", path: "/c" },
      { op: "replace", path: "/c/b", value: 2 },
    ],
    want: { a: { b: 1 }, c: { b: 2 } },
  },
  {
    name: "tests without regard to order",
    original: { a: { x: 1, y: 2 } },
    patch: [{ op: "test", path: "/a", value: { y: 2, x: 1 } }],
    want: { a: { x: 1, y: 2 } },
  },
  {
    name: "unescapes",
    original: { "a/b": { "m~n": 1 } },
    patch: [{ op: "replace", path: "/a~1b/m~0n", value: 2 }],
    want: { "a/b": { "m~n": 2 } },
  },
  {
    name: "takes null for a value",
    original: { a: 1 },
    patch: [{ op: "add", path: "/a", value: null }],
    want: { a: null },
  },
];

for (const { name, original, patch, want } of jsonCases) {
  test(`jsonPatch() ${name}`, () => {
    const before = structuredClone(original);
    assert.deepEqual(jsonPatch(original, patch), want);
    assert.deepEqual(original, before);
  });
}

const jsonFaults: readonly (readonly [patch: unknown, code: number, message: RegExp])[] = [
  [{}, 400, /must be a list/],
  [[{ op: "spam", path: "/a" }], 422, /operation 0 must have/],
  [[{ op: "add", path: "/a" }], 400, /must have "value"/],
  [[{ op: "move", path: "/a" }], 400, /must have "from"/],
  [[{ op: "add", path: "a", value: 1 }], 422, /must start with "\/"/],
  [[{ op: "add", path: "/x/y", value: 1 }], 422, /missing path/],
  [[{ op: "add", path: "/l/5", value: 1 }], 422, /out of bounds/],
  [[{ op: "remove", path: "/x" }], 422, /remove operation does not apply/],
  [[{ op: "replace", path: "/l/9", value: 1 }], 422, /replace operation does not apply/],
  [[{ op: "replace", path: "/l/01", value: 1 }], 422, /replace operation does not apply/],
  [[{ op: "test", path: "/a", value: 2 }], 422, /testing value \/a failed/],
  [[{ op: "move", from: "/o", path: "/o/x" }], 422, /is inside/],
];

for (const [patch, code, message] of jsonFaults) {
  test(`jsonPatch() answers ${code} to ${JSON.stringify(patch)}`, () => {
    const original = { a: 1, l: [1], o: {} };
    assert.throws(
      () => jsonPatch(original, patch),
      (error) => error instanceof ApiFault && error.status.code === code && message.test(error.message),
    );
  });
}

/** From RFC 7386, appendix A. */
const mergeCases: readonly (readonly [original: unknown, patch: unknown, want: unknown])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [original, patch, want] of mergeCases) {
  test(`mergePatch(${JSON.stringify(original)}, ${JSON.stringify(patch)})`, () =>
    assert.deepEqual(mergePatch(original, patch), want));
}

const service = "io.k8s.api.core.v1.Service";
const pod = "io.k8s.api.core.v1.Pod";
const deployment = "io.k8s.api.apps.v1.Deployment";
const containers = (...list: object[]) => ({ spec: { containers: list } });

const strategicCases: readonly (Case & { readonly schema: string })[] = [
  {
    name: "merges list items by key",
    schema: service,
    original: { spec: { ports: [{ port: 80, name: "a" }, { port: 81 }] } },
    patch: { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
    want: { spec: { ports: [{ port: 80, name: "a", targetPort: 8080 }, { port: 81 }] } },
  },
  {
    name: "puts new items before those that it does not name, without their nulls",
    schema: pod,
    original: containers({ name: "a" }),
    patch: containers({ name: "b", image: "x", command: null }),
    want: containers({ name: "b", image: "x" }, { name: "a" }),
  },
  {
    name: "deletes an item",
    schema: pod,
    original: containers({ name: "a" }, { name: "b" }),
    patch: containers({ name: "a", $patch: "delete" }),
    want: containers({ name: "b" }),
  },
  {
    name: "deletes all items with the key (service-api S109)",
    schema: service,
    original: { spec: { ports: [{ port: 53, protocol: "TCP" }, { port: 80 }, { port: 53, protocol: "UDP" }] } },
    patch: { spec: { ports: [{ port: 53, $patch: "delete" }] } },
    want: { spec: { ports: [{ port: 80 }] } },
  },
  {
    name: "replaces a merging list",
    schema: pod,
    original: containers({ name: "a" }),
    patch: containers({ $patch: "replace" }, { name: "b" }),
    want: containers({ name: "b" }),
  },
  {
    name: "replaces an atomic list",
    schema: pod,
    original: containers({ name: "a", args: ["1", "2"] }),
    patch: containers({ name: "a", args: ["3"] }),
    want: containers({ name: "a", args: ["3"] }),
  },
  {
    name: "replaces an object",
    schema: service,
    original: { spec: { selector: { a: "b" }, type: "X" } },
    patch: { spec: { selector: { $patch: "replace", c: "d" } } },
    want: { spec: { selector: { c: "d" }, type: "X" } },
  },
  {
    name: "deletes an object's fields",
    schema: service,
    original: { spec: { selector: { a: "b" } } },
    patch: { spec: { selector: { $patch: "delete" } } },
    want: { spec: { selector: {} } },
  },
  {
    name: "removes by null",
    schema: service,
    original: { metadata: { labels: { a: "b", c: "d" } } },
    patch: { metadata: { labels: { a: null } } },
    want: { metadata: { labels: { c: "d" } } },
  },
  {
    name: "joins lists of scalars",
    schema: service,
    original: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["b", "c"] } },
    want: { metadata: { finalizers: ["a", "b", "c"] } },
  },
  {
    name: "deletes from a list of scalars",
    schema: service,
    original: { metadata: { finalizers: ["a", "b", "c"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a", "c"] } },
    want: { metadata: { finalizers: ["b"] } },
  },
  {
    name: "orders items",
    schema: pod,
    original: containers({ name: "a" }, { name: "b" }),
    patch: {
      spec: {
        "$setElementOrder/containers": [{ name: "c" }, { name: "b" }, { name: "a" }],
        containers: [{ name: "c" }],
      },
    },
    want: containers({ name: "c" }, { name: "b" }, { name: "a" }),
  },
  {
    name: "leaves the server's own items where they stood",
    schema: pod,
    original: containers({ name: "x" }, { name: "a" }, { name: "y" }),
    patch: { spec: { "$setElementOrder/containers": [{ name: "a" }, { name: "b" }], containers: [{ name: "b" }] } },
    want: containers({ name: "x" }, { name: "a" }, { name: "b" }, { name: "y" }),
  },
  {
    name: "drops what is not retained",
    schema: deployment,
    original: { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } },
    patch: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
    want: { spec: { strategy: { type: "Recreate" } } },
  },
  {
    name: "takes the first of two items with one merge key",
    schema: service,
    original: {
      spec: {
        ports: [
          { port: 53, protocol: "UDP" },
          { port: 53, protocol: "TCP" },
        ],
      },
    },
    patch: { spec: { ports: [{ port: 53, name: "dns" }] } },
    want: {
      spec: {
        ports: [
          { port: 53, protocol: "UDP", name: "dns" },
          { port: 53, protocol: "TCP" },
        ],
      },
    },
  },
  {
    name: "adds a list with directives where there was none",
    schema: pod,
    original: { spec: {} },
    patch: containers({ name: "a", $patch: "delete" }, { name: "b" }),
    want: containers({ name: "b" }),
  },
];

for (const { name, schema, original, patch, want } of strategicCases) {
  test(`strategicMerge() ${name}`, () => {
    const before = structuredClone(original);
    assert.deepEqual(strategicMerge(original, patch, schema), want);
    assert.deepEqual(original, before);
  });
}

const strategicFaults: readonly (readonly [patch: unknown, message: RegExp])[] = [
  [[], /must be an object/],
  [{ $patch: "odd" }, /Unknown patch type: odd/],
  [{ spec: { ports: [{ name: "x" }] } }, /does not contain declared merge key: port$/],
  [{ spec: { ports: [80] } }, /must hold objects/],
  [{ spec: { $retainKeys: ["a"], type: "x" } }, /\$retainKeys must name "type"/],
];

for (const [patch, message] of strategicFaults) {
  test(`strategicMerge() answers 400 to ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => strategicMerge({ spec: { ports: [] } }, patch, service),
      (error) => error instanceof ApiFault && error.status.code === 400 && message.test(error.message),
    );
  });
}
