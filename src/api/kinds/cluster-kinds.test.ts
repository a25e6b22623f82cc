import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import { changeFaults, type Fields, faultsOf, made, row, titles } from "./_kind-fixture.ts";
import { clusterRoleKind } from "./cluster-role.ts";
import { clusterRoleBindingKind } from "./cluster-role-binding.ts";
import { limitRangeKind } from "./limit-range.ts";
import { persistentVolumeKind } from "./persistent-volume.ts";
import { persistentVolumeClaimKind } from "./persistent-volume-claim.ts";
import { podDisruptionBudgetKind } from "./pod-disruption-budget.ts";
import { priorityClassKind } from "./priority-class.ts";
import { resourceQuotaKind } from "./resource-quota.ts";
import { roleKind } from "./role.ts";
import { roleBindingKind } from "./role-binding.ts";
import { runtimeClassKind } from "./runtime-class.ts";
import { storageClassKind } from "./storage-class.ts";

const budgets: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", { minAvailable: "50%", selector: {} }],
  [
    "two bounds",
    { minAvailable: 1, maxUnavailable: 1 },
    'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
  ],
  ["too much", { maxUnavailable: "101%" }, 'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  [
    "an odd policy",
    { unhealthyPodEvictionPolicy: "Odd" },
    'spec.unhealthyPodEvictionPolicy: Unsupported value: "Odd": supported values: "AlwaysAllow", "IfHealthyBudget"',
  ],
];

for (const [name, spec, ...faults] of budgets) {
  test(`a PodDisruptionBudget with ${name}`, () => {
    assert.deepEqual(faultsOf(podDisruptionBudgetKind, { spec }), faults);
  });
}

test("PodDisruptionBudget status and columns", () => {
  const object = made(podDisruptionBudgetKind, { spec: { minAvailable: "50%" } });
  assert.deepEqual(Object.values(object.status ?? {}), [0, 0, 0, 0]);
  assert.equal(titles(podDisruptionBudgetKind), "Name, Min Available, Max Unavailable, Allowed Disruptions, Age");
  assert.equal(row(podDisruptionBudgetKind, object), "one | 50% | N/A | 0 | 60s");
});

const rules: readonly (readonly [name: string, rule: Fields, ...faults: string[]])[] = [
  ["good", { verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
  [
    "nothing",
    {},
    "rules[0].verbs: Required value: verbs must contain at least one value",
    "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
    "rules[0].resources: Required value: resource rules must supply at least one resource",
  ],
  [
    "URLs",
    { verbs: ["get"], nonResourceURLs: ["/x"] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ],
];

for (const [name, rule, ...faults] of rules) {
  test(`a Role with ${name}`, () => assert.deepEqual(faultsOf(roleKind, { rules: [rule] }), faults));
}

test("ClusterRoles know URLs, and others that they gather", () => {
  assert.deepEqual(faultsOf(clusterRoleKind, { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }] }), []);
  assert.deepEqual(
    faultsOf(clusterRoleKind, { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"], resources: ["a"] }] }),
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  );
  assert.deepEqual(faultsOf(clusterRoleKind, { aggregationRule: {} }), [
    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
  ]);
  assert.deepEqual(clusterRoleKind.validateName?.("system:a", false), []);
  assert.equal(row(clusterRoleKind, made(clusterRoleKind, {})), "one | 2026-01-01T00:00:00Z");
});

const group = "rbac.authorization.k8s.io";
test("bindings complete their groups, and keep their role", () => {
  const fields = {
    roleRef: { kind: "Role", name: "r" },
    subjects: [
      { kind: "User", name: "jane" },
      { kind: "Group", name: "devs" },
      { kind: "ServiceAccount", name: "sa", namespace: "default" },
    ],
  };
  const object = made(roleBindingKind, fields);
  assert.equal(object.roleRef.apiGroup, group);
  assert.deepEqual(
    object.subjects?.map(({ apiGroup }) => apiGroup),
    [group, group, undefined],
  );
  assert.deepEqual(faultsOf(roleBindingKind, fields), []);
  assert.equal(titles(roleBindingKind), "Name, Role, Age, +Users, +Groups, +ServiceAccounts");
  assert.equal(row(roleBindingKind, object), "one | Role/r | 60s | jane | devs | default/sa");
  assert.deepEqual(changeFaults(roleBindingKind, fields, { roleRef: { kind: "Role", name: "s" } }), [
    `roleRef: Invalid value: {"kind":"Role","name":"s","apiGroup":"${group}"}: cannot change roleRef`,
  ]);
});

test("bindings name what can be bound, and who there can be", () => {
  assert.deepEqual(faultsOf(clusterRoleBindingKind, { roleRef: { kind: "Role", name: "" } }), [
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    "roleRef.name: Required value",
  ]);
  const roleRef = { kind: "ClusterRole", name: "r" };
  const subjects = [{ kind: "ServiceAccount", name: "sa" }, { kind: "Robot", name: "x" }, { kind: "User" }];
  assert.deepEqual(faultsOf(clusterRoleBindingKind, { roleRef, subjects }), [
    "subjects[0].namespace: Required value",
    'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    "subjects[2].name: Required value",
    'subjects[2].name: Invalid value: "": user name cannot be empty',
  ]);
});

test("PriorityClass rules and columns", () => {
  const object = made(priorityClassKind, { value: 5 });
  assert.equal(titles(priorityClassKind), "Name, Value, Global-Default, Age, PreemptionPolicy");
  assert.equal(row(priorityClassKind, object), "one | 5 | false | 60s | PreemptLowerPriority");
  assert.deepEqual(faultsOf(priorityClassKind, { value: 1_000_000_001, preemptionPolicy: "Odd" }), [
    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    'preemptionPolicy: Unsupported value: "Odd": supported values: "PreemptLowerPriority", "Never"',
  ]);
  const system = (name: string, value: number) => faultsOf(priorityClassKind, { value }, { name });
  assert.deepEqual(system("system-node-critical", 2_000_001_000), []);
  assert.deepEqual(system("system-mine", 1), [
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
  ]);
  assert.deepEqual(changeFaults(priorityClassKind, { value: 1 }, { value: 2 }), [
    "value: Forbidden: may not be changed in an update.",
  ]);
});

test("StorageClass defaults, rules and columns", () => {
  const object = made(
    storageClassKind,
    { provisioner: "example.com/disk" },
    { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  );
  assert.equal(row(storageClassKind, object), "one (default) | example.com/disk | Delete | Immediate | false | 60s");
  assert.equal(
    titles(storageClassKind),
    "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age",
  );
  assert.deepEqual(faultsOf(storageClassKind, { reclaimPolicy: "Odd", volumeBindingMode: "Odd" }), [
    "provisioner: Required value",
    'reclaimPolicy: Unsupported value: "Odd": supported values: "Delete", "Retain"',
    'volumeBindingMode: Unsupported value: "Odd": supported values: "Immediate", "WaitForFirstConsumer"',
  ]);
  assert.deepEqual(changeFaults(storageClassKind, { provisioner: "a" }, { provisioner: "b", parameters: { c: "d" } }), [
    "parameters: Forbidden: updates to parameters are forbidden.",
    "provisioner: Forbidden: updates to provisioner are forbidden.",
  ]);
});

test("a RuntimeClass keeps its handler", () => {
  assert.deepEqual(faultsOf(runtimeClassKind, { handler: "crun", overhead: { podFixed: { cpu: "10m" } } }), []);
  assert.deepEqual(faultsOf(runtimeClassKind, { handler: "crun", overhead: { podFixed: { cpu: "-1" } } }), [
    'overhead.podFixed[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  assert.deepEqual(changeFaults(runtimeClassKind, { handler: "a" }, { handler: "b" }), [
    'handler: Invalid value: "b": field is immutable',
  ]);
  assert.equal(row(runtimeClassKind, made(runtimeClassKind, { handler: "crun" })), "one | crun | 60s");
});

const quotas: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", { hard: { pods: "10", "requests.cpu": "1500m", "count/jobs.batch": "3", "example.com/gpu": "1" } }],
  ["half a Pod", { hard: { pods: "1500m" } }, 'spec.hard[pods]: Invalid value: "1500m": must be an integer'],
  [
    "an odd name",
    { hard: { odd: "1" } },
    'spec.hard[odd]: Invalid value: "odd": must be a standard resource for quota',
  ],
  ["an odd scope", { scopes: ["Odd"] }, 'spec.scopes: Invalid value: ["Odd"]: unsupported scope'],
  [
    "both scopes",
    { scopes: ["BestEffort", "NotBestEffort"] },
    'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
  ],
  [
    "a scope of Pods for Services",
    { hard: { services: "1" }, scopes: ["BestEffort"] },
    'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
  ],
];

for (const [name, spec, ...faults] of quotas) {
  test(`a ResourceQuota of ${name}`, () => assert.deepEqual(faultsOf(resourceQuotaKind, { spec }), faults));
}

test("ResourceQuota columns", () => {
  const status = {
    hard: { pods: "10", "limits.cpu": "2", "requests.cpu": "1" },
    used: { pods: "1", "limits.cpu": "1" },
  };
  assert.equal(titles(resourceQuotaKind), "Name, Request, Limit, Age");
  assert.equal(
    row(resourceQuotaKind, { ...made(resourceQuotaKind, {}), status }),
    "one | pods: 1/10, requests.cpu: 0/1 | limits.cpu: 1/2 | 60s",
  );
});

const limit = (item: Fields) => ({ spec: { limits: [{ type: "Container", ...item }] } });
test("LimitRange defaults follow from each other", () => {
  const { spec } = made(
    limitRangeKind,
    limit({ max: { cpu: "2" }, min: { memory: "1Mi" }, default: { storage: "1" } }),
  );
  assert.deepEqual(spec.limits[0]?.default, { cpu: "2", storage: "1" });
  assert.deepEqual(spec.limits[0]?.defaultRequest, { memory: "1Mi", cpu: "2", storage: "1" });
});

const limits: readonly (readonly [name: string, item: Fields, ...faults: string[]])[] = [
  ["good", { max: { cpu: "2" }, min: { cpu: "1" }, maxLimitRequestRatio: { cpu: "2" } }],
  [
    "a minimum above",
    { min: { cpu: "2" }, max: { cpu: "1" }, default: { cpu: "1" }, defaultRequest: { cpu: "1" } },
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
    'spec.limits[0].default[cpu]: Invalid value: "1": min value 2 is greater than default value 1',
  ],
  [
    "requests above limits",
    { default: { cpu: "1" }, defaultRequest: { cpu: "2" } },
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
  ],
  [
    "a ratio that cannot be",
    { max: { cpu: "2" }, min: { cpu: "1" }, maxLimitRequestRatio: { cpu: "3" } },
    'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
  ],
  [
    "defaults for Pods",
    { type: "Pod", default: { cpu: "1" } },
    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
  ],
  [
    "claims of any size",
    { type: "PersistentVolumeClaim" },
    "spec.limits[0]: Required value: either minimum or maximum storage value is required, but neither was provided",
  ],
];

for (const [name, item, ...faults] of limits) {
  test(`a LimitRange with ${name}`, () => assert.deepEqual(faultsOf(limitRangeKind, limit(item)), faults));
}

const volume = { capacity: { storage: "5Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } };
const volumes: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", {}],
  ["two sources", { nfs: { server: "a", path: "/b" } }, "spec.nfs: Forbidden: may not specify more than 1 volume type"],
  ["no source", { hostPath: undefined }, "spec: Required value: must specify a volume type"],
  ["half a source", { hostPath: undefined, csi: { driver: "a" } }, "spec.csi.volumeHandle: Required value"],
  ["no size", { capacity: {} }, "spec.capacity: Required value"],
  [
    "an odd size",
    { capacity: { cpu: "1" } },
    'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
  ],
  [
    "nothing in it",
    { capacity: { storage: "0" } },
    'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
  ],
  [
    "modes that exclude each other",
    { accessModes: ["ReadWriteOnce", "ReadWriteOncePod"] },
    "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
  ],
  [
    "an odd mode",
    { volumeMode: "Odd" },
    'spec.volumeMode: Unsupported value: "Odd": supported values: "Block", "Filesystem"',
  ],
];

for (const [name, spec, ...faults] of volumes) {
  test(`a PersistentVolume with ${name}`, () => {
    assert.deepEqual(faultsOf(persistentVolumeKind, { spec: { ...volume, ...spec } }), faults);
  });
}

test("PersistentVolume defaults, columns, and its source that stays", () => {
  const object = made(persistentVolumeKind, { spec: { ...volume, claimRef: { namespace: "default", name: "c" } } });
  assert.equal(object.spec.persistentVolumeReclaimPolicy, "Retain");
  assert.equal(
    titles(persistentVolumeKind),
    "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, +VolumeMode",
  );
  assert.equal(
    row(persistentVolumeKind, object),
    "one | 5Gi | RWO | Retain | Pending | default/c |  | <unset> |  | 60s | Filesystem",
  );
  assert.deepEqual(
    changeFaults(persistentVolumeKind, { spec: volume }, { spec: { ...volume, hostPath: { path: "/x" } } }),
    [
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -1,6 +1,6 @@\n {\n  "hostPath": {\n-  "path": "/data",\n+  "path": "/x",\n   "type": ""\n  }\n }\n',
    ],
  );
});

const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
test("PersistentVolumeClaim rules and columns", () => {
  assert.deepEqual(faultsOf(persistentVolumeClaimKind, { spec: claim }), []);
  assert.deepEqual(faultsOf(persistentVolumeClaimKind, { spec: { accessModes: ["Odd"] } }), [
    'spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    "spec.resources[storage]: Required value",
  ]);
  const object = made(persistentVolumeClaimKind, { spec: { ...claim, storageClassName: "slow" } });
  assert.equal(
    titles(persistentVolumeClaimKind),
    "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, +VolumeMode",
  );
  assert.equal(row(persistentVolumeClaimKind, object), "one | Pending |  |  |  | slow | <unset> | 60s | Filesystem");
  const bound = {
    ...object,
    spec: { ...object.spec, volumeName: "v" },
    status: { phase: "Bound", capacity: { storage: "5Gi" }, accessModes: ["ReadWriteOnce"] },
  };
  assert.equal(
    row(persistentVolumeClaimKind, bound),
    "one | Bound | v | 5Gi | RWO | slow | <unset> | 60s | Filesystem",
  );
});

test("a bound PersistentVolumeClaim only grows", () => {
  const bound = {
    ...made(persistentVolumeClaimKind, { spec: { ...claim, volumeName: "v" } }),
    status: { phase: "Bound" },
  };
  const resized = (storage: string) => {
    const next = { ...bound, spec: { ...bound.spec, resources: { requests: { storage } } } };
    return persistentVolumeClaimKind.validateUpdate?.(next, bound).map(formatFieldError);
  };
  assert.deepEqual(resized("2Gi"), []);
  assert.deepEqual(resized("1Mi"), [
    "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
  ]);
  assert.equal(
    changeFaults(persistentVolumeClaimKind, { spec: claim }, { spec: { ...claim, volumeMode: "Block" } }).length,
    1,
  );
  assert.deepEqual(
    changeFaults(persistentVolumeClaimKind, { spec: claim }, { spec: { ...claim, volumeName: "v" } }),
    [],
  );
});
