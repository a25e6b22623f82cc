import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeProtobuf } from "./decode.ts";
import { encodeMessage, envelope } from "./encode.ts";
import { encodeOpenapi } from "./encode-openapi.ts";

/** Bodies as kubectl 1.33 sent them for `create deployment x --image=nginx --replicas=0 --port=80` and `create service nodeport`. */
const deployment =
  "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErABChsKAXgSABoAIgAqADIAOABCAFoICgNhcHASAXgSggEIABIKCggKA2FwcBIBeBpqChoKABIAGgAiACoAMgA4AEIAWggKA2FwcBIBeBJMEi4KBW5naW54EgVuZ2lueCoAMgoKABAAGFAiACoAQgBqAHIAgAEAiAEAkAEAogEAGgAyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBACICCgAoADgAGgwIABAAGAAgACgAOAAaACIA";
const service =
  "azhzAAoNCgJ2MRIHU2VydmljZRJqCh0KAm5wEgAaACIAKgAyADgAQgBaCQoDYXBwEgJucBJFCiAKBzgwLWh0dHASA1RDUBhQIgoIARAAGgRodHRwKIDrARIJCgNhcHASAm5wGgAiCE5vZGVQb3J0OgBCAFIAWgBgAGgAGgIKABoAIgA=";

const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");

test("decodeProtobuf() reads a Service: maps, a named target port, no unset fields", () => {
  assert.deepEqual(decodeProtobuf(bytes(service)), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "np", labels: { app: "np" } },
    spec: {
      ports: [{ name: "80-http", protocol: "TCP", port: 80, targetPort: "http", nodePort: 30080 }],
      selector: { app: "np" },
      type: "NodePort",
    },
    status: { loadBalancer: {} },
  });
});

test("decodeProtobuf() keeps a zero behind a pointer: replicas 0 is not the default", () => {
  const read = decodeProtobuf(bytes(deployment)) as { spec: { replicas: number; template: { spec: object } } };
  assert.equal(read.spec.replicas, 0);
  assert.deepEqual(read.spec.template.spec, {
    containers: [{ name: "nginx", image: "nginx", ports: [{ containerPort: 80 }], resources: {} }],
  });
});

test("decodeProtobuf() refuses every cut of a body, and what is none", () => {
  const whole = bytes(service);
  for (let length = 0; length < whole.length; length++) {
    const cut = whole.subarray(0, length);
    try {
      assert.equal((decodeProtobuf(cut) as { kind?: string }).kind, "Service");
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }
  const odd = Buffer.from(whole);
  odd.write("Odder", whole.indexOf("Servi"));
  assert.throws(() => decodeProtobuf(odd), /kind "Odderce" of "v1" is not known here/);
});

test("encodeOpenapi() writes fields with the published numbers", () => {
  const document = {
    swagger: "2.0",
    info: { title: "t", version: "v" },
    paths: {},
    definitions: { X: { type: "object" } },
  };
  const schema = Buffer.from("b20108", "hex"); // field 22 (type), 8 bytes: TypeItem
  const encoded = encodeOpenapi(JSON.stringify(document));
  assert.ok(encoded.includes(Buffer.concat([schema, Buffer.from("\n\x06object")])));
  assert.ok(encoded.subarray(0, 5).equals(Buffer.from("\n\x032.0")));
});

const objects: { apiVersion: string; kind: string; [field: string]: unknown }[] = [
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "p",
      creationTimestamp: "2026-01-02T03:04:05Z",
      generation: 3,
      labels: { b: "2", a: "1" },
      managedFields: [
        { manager: "m", operation: "Update", time: "2026-01-02T03:04:05Z", fieldsV1: { "f:spec": { "f:x": {} } } },
      ],
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n", uid: "u", controller: false }],
    },
    spec: {
      containers: [
        {
          name: "c",
          image: "i\u00e9",
          resources: { limits: { cpu: "100m", memory: "1Gi" } },
          readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 10 },
          livenessProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 1 },
          securityContext: { runAsUser: 0, privileged: false },
        },
      ],
      volumes: [
        { name: "v", emptyDir: {} },
        { name: "w", configMap: { name: "m", defaultMode: 420 } },
      ],
      terminationGracePeriodSeconds: 0,
      tolerations: [{ key: "k", operator: "Exists", tolerationSeconds: -1 }],
    },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "AAEC/w==" }, type: "Opaque" },
  {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: { kind: "Pod" },
    eventTime: "2026-01-02T03:04:05.678901Z",
  },
  {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name: "r" },
    data: { spec: { x: [1, "two", null] } },
    revision: 9007199254740991,
  },
];

for (const object of objects) {
  test(`encodeMessage() writes a ${object.kind} that decodeProtobuf() reads as it was`, () => {
    const group = object.apiVersion === "v1" ? "core" : "apps";
    const message = encodeMessage(`io.k8s.api.${group}.v1.${object.kind}`, object);
    assert.deepEqual(decodeProtobuf(envelope(object.apiVersion, object.kind, message)), object);
  });
}

test("encodeMessage() writes what kubectl wrote, but for fields that are not set", () => {
  const read = decodeProtobuf(bytes(deployment)) as { apiVersion: string; kind: string };
  const again = envelope(read.apiVersion, read.kind, encodeMessage("io.k8s.api.apps.v1.Deployment", read));
  assert.deepEqual(decodeProtobuf(again), read);
});
