import assert from "node:assert/strict";
import test from "node:test";
import type { Volume } from "kubernetes-types/core/v1";
import type { ConfigMap, Pod, Secret } from "../../api/object.ts";
import { type VolumeInputs, volumeFiles } from "./volume-files.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", labels: { a: "1" } },
  spec: { containers: [{ name: "main", resources: { limits: { cpu: "2" } } }] },
};
const configMap: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c" },
  data: { k: "v" },
  binaryData: { b: "AAE=" },
};
const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { pw: "cHc=" } };
const inputs: VolumeInputs = {
  facts: { pod, podIps: [], hostIps: [], allocatable: {} },
  sources: {
    configMap: (name) => (name === "c" ? configMap : undefined),
    secret: (name) => (name === "s" ? secret : undefined),
  },
};

const cases: readonly { name: string; volume: Omit<Volume, "name">; want: string[] | RegExp | undefined }[] = [
  { name: "a ConfigMap", volume: { configMap: { name: "c" } }, want: ["k 644 v", "b 644 \u0000\u0001"] },
  {
    name: "chosen keys with modes",
    volume: { configMap: { name: "c", defaultMode: 0o400, items: [{ key: "k", path: "d/e" }] } },
    want: ["d/e 400 v"],
  },
  {
    name: "a Secret",
    volume: { secret: { secretName: "s", items: [{ key: "pw", path: "pw", mode: 0o600 }] } },
    want: ["pw 600 pw"],
  },
  {
    name: "the downward API",
    volume: {
      downwardAPI: {
        items: [
          { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
          { path: "cpu", resourceFieldRef: { resource: "limits.cpu", containerName: "main" } },
        ],
      },
    },
    want: ['labels 644 a="1"', "cpu 644 2"],
  },
  {
    name: "a projection",
    volume: {
      projected: {
        sources: [{ configMap: { name: "c", items: [{ key: "k", path: "k" }] } }, { secret: { name: "s" } }],
      },
    },
    want: ["k 644 v", "pw 644 pw"],
  },
  { name: "a missing ConfigMap", volume: { configMap: { name: "z" } }, want: /configmap "z" not found/ },
  { name: "a missing Secret", volume: { secret: { secretName: "z" } }, want: /secret "z" not found/ },
  { name: "a missing one that is optional", volume: { configMap: { name: "z", optional: true } }, want: [] },
  {
    name: "a missing key",
    volume: { configMap: { name: "c", items: [{ key: "z", path: "z" }] } },
    want: /non-existent config key: z/,
  },
  {
    name: "a path that leads out",
    volume: { configMap: { name: "c", items: [{ key: "k", path: "../k" }] } },
    want: /cannot use "\.\.\/k"/,
  },
  { name: "an emptyDir", volume: { emptyDir: {} }, want: undefined },
];
for (const { name, volume, want } of cases) {
  test(`volumeFiles(): ${name}`, () => {
    const read = () => volumeFiles({ name: "v", ...volume }, inputs);
    if (want instanceof RegExp) assert.throws(read, want);
    else
      assert.deepEqual(
        read()?.map(({ path, mode, content }) => `${path} ${mode.toString(8)} ${content}`),
        want,
      );
  });
}
