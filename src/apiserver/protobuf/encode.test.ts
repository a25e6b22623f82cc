/** What the encoder takes from the JSON as it stands, and its buffers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "../../api/kinds/mod.ts";
import { schemaNames } from "../../api/schema-table.ts";
import { decodeProtobuf } from "./decode.ts";
import { messageFields, unionNames } from "./definition-fields.ts";
import { encodeMessage, envelope, writer } from "./encode.ts";
import { giveBack, protobufEvents, protobufObject } from "./forms.ts";
import { keyHash } from "./json-tape.ts";

const kind = kinds.find(({ plural }) => plural === "configmaps");
assert.ok(kind);
const configMap = (data: object, metadata: object = { name: "m" }) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata,
  data,
});
const stored = (object: object): Buffer => Buffer.from(JSON.stringify(object));
const written = (object: object): unknown => decodeProtobuf(protobufObject(kind, stored(object), "json"));

test("no two fields of a schema have the same hash", () => {
  for (const schema of [...schemaNames(), ...unionNames]) {
    const names = [...messageFields(schema).keys()];
    assert.equal(new Set(names.map(keyHash)).size, names.length, schema);
  }
});

test("texts and keys with any character are written as they were", () => {
  const odd = ["", '"', "\\", "\\\\", '\\"', "\n\t\u0001\u007f", "é", "\u{1f600}", "{", "}", "[],:", "null", "/", " "];
  for (const text of odd) {
    const object = configMap(
      { a: text || "x", [`k${text}`]: "1", [text]: "2" },
      { name: "m", annotations: { [text]: text } },
    );
    assert.deepEqual(written(object), object, JSON.stringify(text));
  }
});

test("a text that is no Unicode is written with the replacement character", () => {
  assert.deepEqual(written(configMap({ a: "x\ud800" })), configMap({ a: "x\ufffd" }));
});

test("keys of a map come in the order of their characters", () => {
  const keys = ["b", "a", "ab", "a.b", "a\n", "a\t", "B", "é", '"'];
  const { data } = written(configMap(Object.fromEntries(keys.map((key) => [key, "1"])))) as { data: object };
  assert.deepEqual(Object.keys(data), keys.toSorted());
});

test("times of all looks: long ago, with parts of a second, with another zone", () => {
  const schema = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  const seconds = (creationTimestamp: string): Buffer => encodeMessage(schema, { creationTimestamp });
  assert.deepEqual(seconds("2026-01-02T04:04:05+01:00"), seconds("2026-01-02T03:04:05Z"));
  for (const time of ["0001-01-01T00:00:00Z", "0099-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"]) {
    const object = configMap({ a: "b" }, { name: "m", creationTimestamp: time });
    assert.deepEqual(written(object), object);
  }
});

test("objects of every length, deep and wide, are whole", () => {
  const lists = Array.from({ length: 300 }, (_, index) => ({ f: index, g: [{}, [], [[index]]] }));
  const revision = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name: "r" },
    data: { lists },
    revision: 1,
  };
  const message = encodeMessage("io.k8s.api.apps.v1.ControllerRevision", revision);
  assert.deepEqual(decodeProtobuf(envelope("apps/v1", "ControllerRevision", message)), revision);
  // The writer's buffer ends somewhere in these: each byte may be the one that makes it longer.
  for (let size = 65_440; size < 65_560; size++) {
    const object = configMap({ a: "x".repeat(size), b: "y" }, { name: "m", generation: 300, labels: { a: "b" } });
    assert.deepEqual(written(object), object, String(size));
  }
});

test("memory that was given back serves the next answer; what is kept and what is small is nobody's but its own", () => {
  const values = Array.from({ length: 100 }, (_, index) => stored(configMap({ a: `${index}`.repeat(500) })));
  const first = protobufEvents("ADDED", kind, values, "json");
  const copy = Buffer.from(first);
  const small = protobufObject(kind, values[0] as Buffer, "json");
  giveBack(small);
  giveBack(first);
  giveBack(first);
  const [second, third] = [0, 1].map(() => protobufEvents("ADDED", kind, values, "json"));
  assert.deepEqual([second, third], [copy, copy]);
  assert.notEqual(second?.buffer, third?.buffer);
  assert.ok([second, third].some((bytes) => bytes?.buffer === first.buffer));
  assert.deepEqual(protobufObject(kind, values[0] as Buffer, "json"), small);
});

test("a text that has been cut is refused", () => {
  const whole = stored(configMap({ 'a"b': "c\\d", e: "f" }, { name: "m", generation: 12, finalizers: ["x", "y"] }));
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => protobufObject(kind, Buffer.from(whole.subarray(0, length)), "json"),
      SyntaxError,
      String(length),
    );
  }
});

test("an object that cannot be written leaves nothing behind", () => {
  const schema = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
  const good = encodeMessage(schema, { name: "m" });
  assert.throws(() => encodeMessage(schema, { name: "m", generation: -0.5 }));
  assert.deepEqual(encodeMessage(schema, { name: "m" }), good);
  assert.equal(writer.length, 0);
});
