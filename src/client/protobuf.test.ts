import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { kinds } from "../api/kinds/mod.ts";
import type { KubeObject } from "../api/object.ts";
import { watchFrame } from "../apiserver/protobuf/encode.ts";
import { protobufList, protobufOf } from "../apiserver/protobuf/forms.ts";
import { field, listShape, metadata, type Split } from "./message-shape.ts";
import { readObject } from "./protobuf.ts";
import { watchFrames } from "./watch-stream.ts";

const shape = {
  metadata: metadata(["wanted"]),
  endpoints: field.list(
    field.message(2, {
      addresses: field.list(field.text(1)),
      conditions: field.repeats(field.message(2, { ready: field.boolean(1), terminating: field.boolean(3) })),
      nodeName: field.word(6),
    }),
  ),
  ports: field.list(field.repeats(field.message(3, { name: field.word(1), port: field.number(3) }))),
  addressType: field.word(4),
};

const endpoint = (ip: string, ready: boolean, node: string) => ({
  addresses: [ip],
  conditions: { ready, terminating: !ready },
  nodeName: node,
});

/** As the shape keeps it. */
const kept = (name: string) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name,
    namespace: "default",
    resourceVersion: "7",
    creationTimestamp: "2026-01-02T03:04:05Z",
    labels: { wanted: "ü" },
  },
  endpoints: [endpoint("10.0.0.1", true, "a"), endpoint("fd00::1", false, "b"), endpoint("10.0.0.3", true, "a")],
  ports: [{ name: "http", port: 70_000 }, { name: "dns" }],
  addressType: "IPv4",
});

/** The same with fields that nobody named. */
function whole(name: string): object {
  const { metadata, endpoints, ports, ...rest } = kept(name);
  return {
    ...rest,
    metadata: { ...metadata, generation: 3, labels: { ...metadata.labels, other: "x" }, annotations: { note: "y" } },
    endpoints: endpoints.map((one) => ({ ...one, zone: "z", targetRef: { kind: "Pod", name: "p" } })),
    ports: ports.map((one) => ({ ...one, protocol: "UDP" })),
  };
}

const bytesOf = (object: object): Buffer => {
  const bytes = protobufOf(object);
  assert.ok(bytes);
  return bytes;
};

/** The events of a body that comes in chunks of this size. */
function* eventsOf(bytes: Buffer, size: number) {
  const read = watchFrames(shape);
  for (let at = 0; at < bytes.length; at += size) {
    const { events, error } = read(bytes.subarray(at, at + size));
    yield* events;
    if (error) throw error;
  }
}

describe("objects in protobuf", () => {
  it("have the fields that are named, and no others", () => {
    assert.deepEqual(readObject(bytesOf(whole("web")), shape), kept("web"));
  });
  it("are read in lists", () => {
    const kind = kinds.find(({ kind }) => kind === "EndpointSlice");
    assert.ok(kind);
    const head = { resourceVersion: "9", continue: "more" };
    const stored = ["a", "b"].map((name) => Buffer.from(JSON.stringify(whole(name))));
    const list = protobufList(kind, stored, head, "json");
    const { apiVersion: _, kind: _kind, ...item } = kept("a");
    const read = readObject(list, listShape(shape)) as unknown as { metadata: object; items: object[] };
    assert.deepEqual(read.metadata, head);
    assert.deepEqual(read.items, [item, { ...item, metadata: { ...item.metadata, name: "b" } }]);
  });
  it("share what is often the same", () => {
    const { endpoints } = readObject(bytesOf(whole("web")), shape) as unknown as ReturnType<typeof kept>;
    const again = readObject(bytesOf(whole("web")), shape) as unknown as ReturnType<typeof kept>;
    assert.equal(again.endpoints[0]?.conditions, endpoints[2]?.conditions);
  });
  it("are split into one text and what they share", () => {
    const { nodeName, conditions } = {
      nodeName: field.word(6),
      conditions: field.message(2, { ready: field.boolean(1), terminating: field.boolean(3) }),
    };
    const splitShape = { endpoints: field.split(2, 1, { conditions, nodeName }) };
    const one = (addresses: string[], node: string, ready = true) => ({ ...endpoint("", ready, node), addresses });
    const long = "x".repeat(20_000);
    const endpoints = [
      { ...one(["10.0.0.1", "10.0.0.2"], "a"), targetRef: { kind: "Pod", name: "p" } },
      { ...one([long], "a"), zone: "z" },
      one([], "a", false),
      one(["ü"], "a".repeat(3_000)),
      one(["10.0.0.5"], "a"),
    ];
    const bytes = bytesOf({ ...whole("web"), endpoints });
    for (let time = 0; time < 2; time++) {
      const split = readObject(bytes, splitShape).endpoints as Split<{ nodeName: string; conditions: object }>;
      assert.equal(split.texts, `10.0.0.1 ${long}  ü 10.0.0.5`);
      assert.deepEqual(
        split.shared,
        endpoints.map(({ nodeName, conditions }) => ({ nodeName, conditions })),
      );
      assert.equal(split.shared[0], split.shared[1]);
      assert.equal(split.shared[0], split.shared[4]);
    }
    assert.equal(readObject(bytesOf({ ...whole("web"), endpoints: [] }), splitShape).endpoints, undefined);
  });
  it("that end too early are refused", () => {
    const bytes = bytesOf(whole("web"));
    assert.throws(() => readObject(bytes.subarray(0, bytes.length - 30), shape), RangeError);
  });
  it("come as events of a watch, wherever the chunks are cut", () => {
    const names = ["a", "b", "a-long-name-of-many-letters"];
    const stream = Buffer.concat(names.map((name) => watchFrame("ADDED", bytesOf(whole(name)))));
    for (const size of [1, 3, 4, 5, 64, 700, stream.length]) {
      assert.deepEqual(
        [...eventsOf(stream, size)],
        names.map((name) => ({ type: "ADDED", object: kept(name) })),
        `chunks of ${size}`,
      );
    }
  });
  it("an event ERROR is thrown with the server's words", () => {
    const status = {
      apiVersion: "v1",
      kind: "Status",
      status: "Failure",
      message: "too old",
      reason: "Expired",
      code: 410,
    };
    const body = Buffer.concat([watchFrame("ADDED", bytesOf(whole("web"))), watchFrame("ERROR", bytesOf(status))]);
    for (const size of [10, body.length]) {
      const names: unknown[] = [];
      assert.throws(() => {
        for (const { object } of eventsOf(body, size)) names.push((object as KubeObject).metadata.name);
      }, /too old/);
      assert.deepEqual(names, ["web"], "what came before it counts");
    }
  });
});
