import assert from "node:assert/strict";
import test from "node:test";
import type { Container } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { unsupported, unsupportedByProcesses } from "./unsupported.ts";

const podOf = (spec: object): Pod =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "main" }], ...spec },
  }) as Pod;

const container = (fields: object) => ({ containers: [{ name: "main", ...fields }] });
const mount = (fields: object) => container({ volumeMounts: [{ name: "v", mountPath: "/v", ...fields }] });

const cases: readonly [name: string, spec: object, wanted: RegExp | undefined][] = [
  ["nothing special", {}, undefined],
  ["limits that are enforced", container({ resources: { limits: { cpu: "1" } } }), undefined],
  ["mountPropagation", mount({ mountPropagation: "Bidirectional" }), /at \/v has no mountPropagation Bidirectional/],
  ["mountPropagation None", mount({ mountPropagation: "None" }), undefined],
  ["resources of the Pod", { resources: { limits: { cpu: "1" } } }, /the Pod as a whole are not enforced/],
  ["restart rules", container({ restartPolicyRules: [{ action: "Restart" }] }), /restartPolicyRules have no effect/],
  ["claims", container({ resources: { claims: [{ name: "gpu" }] } }), /resource claims have no effect/],
  ["user namespaces", { hostUsers: false }, /hostUsers false has no effect/],
];
for (const [name, spec, wanted] of cases) {
  test(`unsupported(): ${name}`, () => {
    const sentences = unsupported(podOf(spec), { noLimits: undefined });
    if (wanted === undefined) return assert.deepEqual(sentences, []);
    assert.equal(sentences.length, 1, sentences.join("; "));
    assert.match(sentences[0] ?? "", wanted);
  });
}

test("unsupportedByProcesses(): recursiveReadOnly, unless it is wanted where it can be only", () => {
  const sentences = (recursiveReadOnly: string) => {
    const volumeMounts = [{ name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly }];
    return unsupportedByProcesses({ name: "main", volumeMounts } as Container);
  };
  assert.match(sentences("Enabled").join(), /at \/v is read-only by itself, recursiveReadOnly has no effect/);
  assert.deepEqual([...sentences("IfPossible"), ...sentences("Disabled")], []);
});

test("unsupported(): limits that nobody enforces", () => {
  const pod = podOf(container({ resources: { limits: { cpu: "1", memory: "1Gi" } } }));
  assert.deepEqual(unsupported(pod, { noLimits: "there are no cgroups" }), [
    "container main: its limits (cpu, memory) are not enforced: there are no cgroups",
  ]);
});
