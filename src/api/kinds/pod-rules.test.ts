import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import { validateEphemeralUpdate } from "./_ephemeral-validate.ts";
import { type Fields, made } from "./_kind-fixture.ts";
import { podKind } from "./pod.ts";

const main = { name: "main", image: "main:1" };

function pod(spec: Fields) {
  return made(podKind, { spec: { containers: [main], ...spec } });
}

/** Of a Pod that exists, so that it may have everything. */
const faultsOf = (spec: Fields) => (podKind.validate?.(pod(spec), pod(spec)) ?? []).map(formatFieldError);

type Case = readonly [name: string, fields: Fields, ...faults: string[]];

function check(what: string, cases: readonly Case[], specOf: (fields: Fields) => Fields): void {
  for (const [name, fields, ...faults] of cases) {
    test(`a Pod with ${what}: ${name}`, () => assert.deepEqual(faultsOf(specOf(fields)), faults));
  }
}

const nodeRules = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
const term = `${nodeRules}[0]`;
check(
  "node affinity",
  [
    ["good", { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }],
    ["a number", { matchExpressions: [{ key: "cores", operator: "Gt", values: ["3"] }] }],
    ["a name", { matchFields: [{ key: "metadata.name", operator: "In", values: ["one"] }] }],
    [
      "no values",
      { matchExpressions: [{ key: "zone", operator: "NotIn" }] },
      `${term}.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
    ],
    [
      "values for presence",
      { matchExpressions: [{ key: "zone", operator: "Exists", values: ["a"] }] },
      `${term}.matchExpressions[0].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
    ],
    [
      "two numbers",
      { matchExpressions: [{ key: "cores", operator: "Lt", values: ["1", "2"] }] },
      `${term}.matchExpressions[0].values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`,
    ],
    [
      "an odd operator",
      { matchExpressions: [{ key: "zone", operator: "Like" }] },
      `${term}.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator`,
    ],
    [
      "another field",
      { matchFields: [{ key: "spec.x", operator: "Exists", values: ["a", "b"] }] },
      `${term}.matchFields[0].operator: Invalid value: "Exists": not a valid selector operator`,
      `${term}.matchFields[0].key: Invalid value: "spec.x": not a valid field selector key`,
    ],
    [
      "two names",
      { matchFields: [{ key: "metadata.name", operator: "In", values: ["a", "b"] }] },
      `${term}.matchFields[0].values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
    ],
  ],
  (fields) => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [fields] } } },
  }),
);

test("a Pod's affinity has terms, weights and topology keys", () => {
  const requiredRules = "requiredDuringSchedulingIgnoredDuringExecution";
  const preferredRules = "preferredDuringSchedulingIgnoredDuringExecution";
  const affinity = {
    nodeAffinity: {
      [requiredRules]: { nodeSelectorTerms: [] },
      [preferredRules]: [{ weight: 0, preference: {} }],
    },
    podAffinity: { [requiredRules]: [{ labelSelector: {}, topologyKey: "" }] },
    podAntiAffinity: {
      [preferredRules]: [{ weight: 101, podAffinityTerm: { topologyKey: "zone", namespaces: ["A"] } }],
    },
  };
  const faults = faultsOf({ affinity });
  assert.deepEqual(faults.slice(0, 4), [
    `${nodeRules}: Required value: must have at least one node selector term`,
    `spec.affinity.nodeAffinity.${preferredRules}[0].weight: Invalid value: 0: must be in the range 1-100`,
    `spec.affinity.podAffinity.${requiredRules}[0].topologyKey: Required value: can not be empty`,
    `spec.affinity.podAntiAffinity.${preferredRules}[0].weight: Invalid value: 101: must be in the range 1-100`,
  ]);
  assert.match(faults[4] ?? "", /\[0\]\.podAffinityTerm\.namespace: Invalid value: "A": a lowercase RFC 1123 label/);
  assert.equal(faults.length, 5);
});

const spread = "spec.topologySpreadConstraints[0]";
const constraint = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" };
check(
  "topology spread",
  [
    ["good", { minDomains: 2, nodeAffinityPolicy: "Honor" }],
    [
      "nothing",
      { maxSkew: 0, topologyKey: "", whenUnsatisfiable: "Odd" },
      `${spread}.maxSkew: Invalid value: 0: must be greater than zero`,
      `${spread}.topologyKey: Required value: can not be empty`,
      `${spread}.whenUnsatisfiable: Unsupported value: "Odd": supported values: "DoNotSchedule", "ScheduleAnyway"`,
    ],
    [
      "domains that do not matter",
      { whenUnsatisfiable: "ScheduleAnyway", minDomains: 2 },
      `${spread}.minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway`,
    ],
    [
      "keys without a selector",
      { matchLabelKeys: ["a"] },
      `${spread}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
    [
      "an odd policy",
      { nodeTaintsPolicy: "Odd" },
      `${spread}.nodeTaintsPolicy: Unsupported value: "Odd": supported values: "Honor", "Ignore"`,
    ],
  ],
  (fields) => ({ topologySpreadConstraints: [{ ...constraint, ...fields }] }),
);

test("a Pod spreads over each topology once", () => {
  assert.deepEqual(faultsOf({ topologySpreadConstraints: [constraint, { ...constraint, maxSkew: 2 }] }), [
    'spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
  ]);
});

const context = "spec.securityContext";
check(
  "a security context",
  [
    ["good", { runAsUser: 0, fsGroup: 2147483647, seccompProfile: { type: "RuntimeDefault" } }],
    [
      "negative users",
      { runAsUser: -1, supplementalGroups: [1, -2] },
      `${context}.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
      `${context}.supplementalGroups[1]: Invalid value: -2: must be between 0 and 2147483647, inclusive`,
    ],
    [
      "no profile",
      { seccompProfile: { type: "Localhost" } },
      `${context}.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
    ],
    [
      "a needless profile",
      { seccompProfile: { type: "Unconfined", localhostProfile: "x" } },
      `${context}.seccompProfile.localhostProfile: Invalid value: "x": can only be set when seccomp type is Localhost`,
    ],
    [
      "an odd profile",
      { appArmorProfile: { type: "Odd" } },
      `${context}.appArmorProfile.type: Unsupported value: "Odd": supported values: "Localhost", "RuntimeDefault", "Unconfined"`,
    ],
    [
      "a kernel setting twice",
      {
        sysctls: [
          { name: "net.a", value: "1" },
          { name: "net.a", value: "2" },
        ],
      },
      `${context}.sysctls[1].name: Duplicate value: "net.a"`,
    ],
    [
      "an odd change policy",
      { fsGroupChangePolicy: "Odd" },
      `${context}.fsGroupChangePolicy: Unsupported value: "Odd": supported values: "Always", "OnRootMismatch"`,
    ],
  ],
  (fields) => ({ securityContext: fields }),
);

const inContainer = "spec.containers[0].securityContext";
const clash = (fields: Fields, what: string) =>
  `${inContainer}: Invalid value: ${JSON.stringify(fields)}: cannot set \`allowPrivilegeEscalation\` to false and ${what}`;
const privileged = { allowPrivilegeEscalation: false, privileged: true };
const capable = { allowPrivilegeEscalation: false, capabilities: { add: ["CAP_SYS_ADMIN"] } };
check(
  "a container's security context",
  [
    ["good", { allowPrivilegeEscalation: false, runAsGroup: 5 }],
    ["privileged and not", privileged, clash(privileged, "`privileged` to true")],
    ["capable and not", capable, clash(capable, "`capabilities.Add` CAP_SYS_ADMIN")],
    [
      "an odd mount",
      { procMount: "Odd" },
      `${inContainer}.procMount: Unsupported value: "Odd": supported values: "Default", "Unmasked"`,
    ],
  ],
  (fields) => ({ containers: [{ ...main, securityContext: fields }] }),
);

test("a Pod that shares its processes does not share the node's", () => {
  assert.deepEqual(faultsOf({ hostPID: true, shareProcessNamespace: true }), [
    "spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
  ]);
});

const at = "spec.volumes[0]";
check(
  "a volume",
  [
    ["none named", {}],
    [
      "two sources",
      { emptyDir: {}, configMap: { name: "a" } },
      `${at}.configMap: Forbidden: may not specify more than 1 volume type`,
    ],
    ["half an NFS share", { nfs: { server: "a" } }, `${at}.nfs.path: Required value`],
    [
      "a relative NFS share",
      { nfs: { server: "a", path: "b" } },
      `${at}.nfs.path: Invalid value: "b": must be an absolute path`,
    ],
    ["a claim without a name", { persistentVolumeClaim: {} }, `${at}.persistentVolumeClaim.claimName: Required value`],
    ["a driver without a name", { csi: {} }, `${at}.csi.driver: Required value`],
    [
      "an odd path of the node",
      { hostPath: { path: "/a/../b", type: "Odd" } },
      `${at}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
      `${at}.hostPath.type: Unsupported value: "Odd": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
    ],
    [
      "a negative size",
      { emptyDir: { sizeLimit: "-1" } },
      `${at}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`,
    ],
    [
      "files elsewhere",
      { configMap: { name: "a", defaultMode: 512, items: [{ key: "k", path: "../x" }, { path: "/y" }] } },
      `${at}.configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive`,
      `${at}.configMap.items[0].path: Invalid value: "../x": must not contain '..'`,
      `${at}.configMap.items[1].key: Required value`,
      `${at}.configMap.items[1].path: Invalid value: "/y": must be a relative path`,
    ],
    [
      "a field that volumes do not know",
      { downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "status.podIP" } }] } },
      `${at}.downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"`,
    ],
    [
      "neither field nor resource",
      { downwardAPI: { items: [{ path: "a" }, { path: "b", resourceFieldRef: { resource: "limits.cpu" } }] } },
      `${at}.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required`,
      `${at}.downwardAPI.items[1].resourceFieldRef.containerName: Required value`,
    ],
    [
      "a short-lived token",
      { projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 599 } }] } },
      `${at}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
    ],
    [
      "an empty projection, and one of two things",
      { projected: { sources: [{}, { secret: { name: "a" }, configMap: { name: "b" } }] } },
      `${at}.projected.sources[0]: Required value: must specify a volume type`,
      `${at}.projected.sources[1].configMap: Forbidden: may not specify more than 1 volume type`,
    ],
    [
      "a claim of its own for nothing",
      { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"] } } } },
      `${at}.ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value`,
    ],
  ],
  (fields) => ({ volumes: [{ name: "data", ...fields }] }),
);

check(
  "what its environment reads",
  [
    ["a label", { fieldRef: { fieldPath: "metadata.labels['app']" } }],
    [
      "all labels",
      { fieldRef: { fieldPath: "metadata.labels" } },
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ],
    [
      "no field at all",
      { fieldRef: { fieldPath: "spec.odd" } },
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.odd": error converting fieldPath: field label not supported: spec.odd',
    ],
    [
      "an odd resource",
      { resourceFieldRef: { resource: "odd" } },
      'spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "odd": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
    ],
  ],
  (valueFrom) => ({ containers: [{ ...main, env: [{ name: "A", valueFrom }] }] }),
);

const debug = { name: "debug", image: "debug:1" };
const first = "spec.ephemeralContainers[0]";
check(
  "an ephemeral container",
  [
    ["good", { targetContainerName: "main" }],
    ["a name that is taken", { name: "main" }, `${first}.name: Duplicate value: "main"`],
    ["no image", { image: "" }, `${first}.image: Required value`],
    ["a target that is not there", { targetContainerName: "x" }, `${first}.targetContainerName: Not found: "x"`],
    [
      "what only others have",
      { ports: [{ containerPort: 80 }], resources: { limits: { cpu: "1" } } },
      `${first}.ports: Forbidden: cannot be set for an Ephemeral Container`,
      `${first}.resources: Forbidden: cannot be set for an Ephemeral Container`,
    ],
  ],
  (fields) => ({ ephemeralContainers: [{ ...debug, ...fields }] }),
);

test("a new Pod has no ephemeral containers, and one that has them keeps them", () => {
  assert.deepEqual(podKind.validate?.(pod({ ephemeralContainers: [debug] })).map(formatFieldError), [
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
  ]);
  const old = pod({ ephemeralContainers: [debug] });
  const added = pod({ ephemeralContainers: [debug, { ...debug, name: "more" }] });
  assert.deepEqual(validateEphemeralUpdate(added, old), []);
  assert.deepEqual(validateEphemeralUpdate(pod({}), old).map(formatFieldError), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
  ]);
  const changed = pod({ ephemeralContainers: [{ ...debug, image: "debug:2" }] });
  assert.deepEqual(validateEphemeralUpdate(changed, old).map(formatFieldError), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\n',
  ]);
});

test("a Pod's gates are named once, its preemption policy is known", () => {
  assert.deepEqual(faultsOf({ schedulingGates: [{ name: "a" }, { name: "a" }], preemptionPolicy: "Odd" }), [
    'spec.schedulingGates[1]: Duplicate value: "a"',
    'spec.preemptionPolicy: Unsupported value: "Odd": supported values: "Never", "PreemptLowerPriority"',
  ]);
  assert.match(
    faultsOf({ readinessGates: [{ conditionType: "a b" }] })[0] ?? "",
    /^spec\.readinessGates\[0\]\.condition/,
  );
});

test("a mount names one part of a volume, and a way to share it", () => {
  const mount = { name: "data", mountPath: "/d", subPath: "a", subPathExpr: "b", mountPropagation: "Odd" };
  const spec = { volumes: [{ name: "data", emptyDir: {} }], containers: [{ ...main, volumeMounts: [mount] }] };
  const field = "spec.containers[0].volumeMounts[0]";
  assert.deepEqual(faultsOf(spec), [
    `${field}.subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
    `${field}.mountPropagation: Unsupported value: "Odd": supported values: "Bidirectional", "HostToContainer", "None"`,
  ]);
});

const limits = (memory: string) => ({ containers: [{ ...main, resources: { limits: { memory } } }] });
const odd: readonly (readonly [name: string, spec: Fields, ...warnings: string[]])[] = [
  ["nothing odd", { nodeSelector: { "kubernetes.io/os": "linux" }, ...limits("1Gi") }],
  [
    "an old label",
    { nodeSelector: { "beta.kubernetes.io/os": "linux" } },
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    "a variable twice",
    { containers: [{ ...main, env: [{ name: "A" }, { name: "A", value: "$(A):b" }, { name: "A", value: "c" }] }] },
    'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply',
  ],
  [
    "a part of a byte",
    limits("100m"),
    'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
  ],
  [
    "a spread of nothing",
    { topologySpreadConstraints: [constraint] },
    "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
  ],
  [
    "an end before the end",
    { terminationGracePeriodSeconds: -1 },
    "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
  ],
];

for (const [name, spec, ...warnings] of odd) {
  test(`a Pod with ${name} is taken with a warning, once`, () => {
    const object = pod(spec);
    assert.deepEqual(podKind.validate?.(object), []);
    assert.deepEqual(podKind.warnings?.(object, undefined), warnings);
    assert.deepEqual(podKind.warnings?.(object, object), []);
  });
}

check(
  "DNS search paths",
  [
    ["underscores, as in names of SRV records", { searches: ["_sip._tcp.abc_d.example.com"] }],
    ["the root", { searches: ["."] }],
  ],
  (dnsConfig) => ({ dnsConfig }),
);

test("a Pod with a DNS search path that is no name", () => {
  assert.match(
    faultsOf({ dnsConfig: { searches: ["Example.com"] } }).join(),
    /^spec\.dnsConfig\.searches\[0\]: Invalid value/,
  );
});
