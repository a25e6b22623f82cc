import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import { changeFaults, type Fields, faultsOf, made, row, titles } from "./_kind-fixture.ts";
import { controllerRevisionKind } from "./controller-revision.ts";
import { podTemplateKind } from "./pod-template.ts";
import { replicationControllerKind } from "./replication-controller.ts";
import { statefulSetKind } from "./stateful-set.ts";

const container = { name: "web", image: "web:1" };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
const claim = {
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
const set = (spec: Fields = {}) => ({ spec: { selector: { matchLabels: { app: "web" } }, template, ...spec } });

test("StatefulSet defaults", () => {
  const { spec, status } = made(statefulSetKind, set({ volumeClaimTemplates: [claim] }));
  assert.equal(spec.replicas, 1);
  assert.equal(spec.revisionHistoryLimit, 10);
  assert.equal(spec.podManagementPolicy, "OrderedReady");
  assert.deepEqual(spec.updateStrategy, { type: "RollingUpdate", rollingUpdate: { partition: 0 } });
  assert.deepEqual(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: "Retain", whenScaled: "Retain" });
  assert.deepEqual(spec.volumeClaimTemplates?.[0], {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { ...claim.spec, volumeMode: "Filesystem" },
    status: { phase: "Pending" },
  });
  assert.deepEqual(status, { replicas: 0, availableReplicas: 0 });
});

const mounting = {
  ...template,
  spec: { containers: [{ ...container, volumeMounts: [{ name: "data", mountPath: "/d" }] }] },
};
const cases: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", {}],
  ["a mounted claim", { template: mounting, volumeClaimTemplates: [claim] }],
  [
    "a mount without its claim",
    { template: mounting },
    'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
  ],
  [
    "an odd policy",
    { podManagementPolicy: "Odd" },
    `spec.podManagementPolicy: Invalid value: "Odd": must be 'OrderedReady' or 'Parallel'`,
  ],
  [
    "an odd strategy",
    { updateStrategy: { type: "Odd" } },
    `spec.updateStrategy: Invalid value: {"type":"Odd"}: must be 'RollingUpdate' or 'OnDelete'`,
  ],
  [
    "a rolling update on delete",
    { updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } },
    `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'`,
  ],
  [
    "a standstill",
    { updateStrategy: { rollingUpdate: { partition: -1, maxUnavailable: "0%" } } },
    "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0',
  ],
  ["no selector", { selector: undefined }, "spec.selector: Required value"],
  [
    "an empty selector",
    { selector: {} },
    "spec.selector: Invalid value: {}: empty selector is invalid for statefulset",
  ],
  [
    "an odd retention",
    { persistentVolumeClaimRetentionPolicy: { whenScaled: "Odd" } },
    'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Odd": supported values: "Delete", "Retain"',
  ],
  [
    "a claim for nothing",
    { volumeClaimTemplates: [{ metadata: { name: "data" } }] },
    "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
    "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
  ],
  [
    "a deadline",
    { template: { ...template, spec: { ...template.spec, activeDeadlineSeconds: 5 } } },
    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported",
  ],
];

for (const [name, spec, ...faults] of cases) {
  test(`a StatefulSet with ${name}`, () => assert.deepEqual(faultsOf(statefulSetKind, set(spec)), faults));
}

test("a StatefulSet changes only in part", () => {
  const free = { replicas: 3, minReadySeconds: 5, ordinals: { start: 1 }, updateStrategy: { type: "OnDelete" } };
  assert.deepEqual(changeFaults(statefulSetKind, set(), set(free)), []);
  assert.deepEqual(changeFaults(statefulSetKind, set({ serviceName: "a" }), set({ serviceName: "b" })), [
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ]);
});

test("the counts of a StatefulSet's status cannot exceed its replicas", () => {
  const object = { ...made(statefulSetKind, set()), status: { replicas: 1, readyReplicas: 2 } };
  assert.deepEqual(statefulSetKind.validateStatusUpdate?.(object, object).map(formatFieldError), [
    "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
  ]);
});

test("StatefulSet columns", () => {
  assert.equal(titles(statefulSetKind), "Name, Ready, Age, +Containers, +Images");
  assert.equal(row(statefulSetKind, made(statefulSetKind, set())), "one | 0/1 | 60s | web | web:1");
});

test("a ReplicationController takes labels and selector from its template", () => {
  const { metadata, spec } = made(replicationControllerKind, { spec: { template } });
  assert.deepEqual(metadata.labels, { app: "web" });
  assert.deepEqual(spec.selector, { app: "web" });
  assert.equal(spec.replicas, 1);
  const chosen = made(replicationControllerKind, { spec: { selector: { a: "b" }, template } }, { labels: { x: "y" } });
  assert.deepEqual([chosen.metadata.labels, chosen.spec.selector], [{ x: "y" }, { a: "b" }]);
});

test("ReplicationController rules and columns", () => {
  assert.deepEqual(faultsOf(replicationControllerKind, { spec: { replicas: -1 } }), [
    "spec.selector: Required value",
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    "spec.template: Required value",
  ]);
  assert.deepEqual(faultsOf(replicationControllerKind, { spec: { selector: { a: "b" }, template } }), [
    'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ]);
  const object = made(replicationControllerKind, { spec: { template } });
  assert.equal(
    titles(replicationControllerKind),
    "Name, Desired, Current, Ready, Age, +Containers, +Images, +Selector",
  );
  assert.equal(row(replicationControllerKind, object), "one | 1 | 0 | 0 | 60s | web | web:1 | app=web");
});

test("a PodTemplate counts the changes of its template", () => {
  const object = made(podTemplateKind, { template });
  assert.equal(object.metadata.generation, 1);
  assert.equal(object.template?.spec?.restartPolicy, "Always");
  assert.equal(podTemplateKind.raisesGeneration?.(object, structuredClone(object)), false);
  assert.equal(podTemplateKind.raisesGeneration?.(object, { ...object, template: {} }), true);
  assert.equal(row(podTemplateKind, object), "one | web | web:1 | app=web");
  assert.deepEqual(faultsOf(podTemplateKind, { template: { spec: { containers: [] } } }), [
    "template.spec.containers: Required value",
  ]);
});

test("a ControllerRevision keeps its data", () => {
  const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "u", controller: true };
  const object = made(controllerRevisionKind, { data: { a: 1 }, revision: 2 }, { ownerReferences: [owner] });
  assert.equal(titles(controllerRevisionKind), "Name, Controller, Revision, Age");
  assert.equal(row(controllerRevisionKind, object), "one | statefulset.apps/web | 2 | 60s");
  assert.deepEqual(faultsOf(controllerRevisionKind, { revision: -1 }), [
    "data: Required value: data is mandatory",
    "revision: Invalid value: -1: must be greater than or equal to 0",
  ]);
  assert.deepEqual(changeFaults(controllerRevisionKind, { data: { a: 1 } }, { data: { a: 2 } }), [
    'data: Invalid value: {"a":2}: field is immutable',
  ]);
});
