import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { formatFieldError } from "../field-error.ts";
import type { Pod } from "../object.ts";
import { defaultPullPolicy } from "./_pod-defaults.ts";
import { podKind } from "./pod.ts";
import { qosClassOf } from "./pod-qos.ts";

/** A Pod with one container, unless the spec says otherwise. */
function pod(spec: Partial<PodSpec> = {}): Pod {
  const metadata = { name: "web", namespace: "default" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: structuredClone({ containers: [container()], ...spec }) };
}

function container(fields: Partial<Container> = {}): Container {
  return { name: "web", image: "web:1", ...fields };
}

function created(spec: Partial<PodSpec> = {}): Pod {
  const object = pod(spec);
  podKind.setDefaults?.(object);
  podKind.prepareForCreate?.(object);
  return object;
}

test("setDefaults() fills a Pod as its field docs say", () => {
  const object = created({ containers: [container({ ports: [{ containerPort: 80 }] })], volumes: [{ name: "a" }] });
  assert.deepEqual(object.spec, {
    containers: [
      {
        name: "web",
        image: "web:1",
        imagePullPolicy: "IfNotPresent",
        ports: [{ containerPort: 80, protocol: "TCP" }],
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      },
    ],
    dnsPolicy: "ClusterFirst",
    enableServiceLinks: true,
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    volumes: [{ name: "a", emptyDir: {} }],
  });
  assert.deepEqual(object.status, { phase: "Pending", qosClass: "BestEffort" });
});

test("setDefaults() fills probes, hooks, references, volumes and requests", () => {
  const { spec } = created({
    hostNetwork: true,
    serviceAccount: "robot",
    containers: [
      container({
        ports: [{ containerPort: 80 }],
        readinessProbe: { httpGet: { port: 80 } },
        lifecycle: { preStop: { httpGet: { port: 80, path: "/bye" } } },
        env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
        resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
      }),
    ],
    volumes: [
      { name: "a", configMap: { name: "a" } },
      { name: "b", secret: { secretName: "b", defaultMode: 256 } },
      { name: "c", hostPath: { path: "/c" } },
      { name: "d", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
    ],
  });
  const [first] = spec.containers;
  assert.deepEqual(first?.ports, [{ containerPort: 80, hostPort: 80, protocol: "TCP" }]);
  assert.deepEqual(first?.readinessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(first?.lifecycle?.preStop?.httpGet, { port: 80, path: "/bye", scheme: "HTTP" });
  assert.equal(first?.env?.[0]?.valueFrom?.fieldRef?.apiVersion, "v1");
  assert.deepEqual(first?.resources?.requests, { cpu: "500m", memory: "1Gi" });
  assert.equal(spec.serviceAccountName, "robot");
  assert.deepEqual(spec.volumes, [
    { name: "a", configMap: { name: "a", defaultMode: 420 } },
    { name: "b", secret: { secretName: "b", defaultMode: 256 } },
    { name: "c", hostPath: { path: "/c", type: "" } },
    {
      name: "d",
      projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }], defaultMode: 420 },
    },
  ]);
});

const pulls: readonly [image: string, policy: string][] = [
  ["web", "Always"],
  ["web:latest", "Always"],
  ["web:1.2", "IfNotPresent"],
  ["host:5000/web", "Always"],
  ["host:5000/web:1", "IfNotPresent"],
  [`web@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  [`web:latest@sha256:${"0".repeat(64)}`, "IfNotPresent"],
];

for (const [image, policy] of pulls) {
  test(`the image ${image.slice(0, 24)} is pulled ${policy}`, () => assert.equal(defaultPullPolicy(image), policy));
}

const amounts = (limits: Record<string, string>, requests: Record<string, string>) =>
  container({ resources: { limits, requests } });
const classes: readonly [name: string, containers: Container[], wanted: string][] = [
  ["no resources", [container()], "BestEffort"],
  ["resources of zero", [amounts({}, { cpu: "0" })], "BestEffort"],
  [
    "equal limits and requests",
    [amounts({ cpu: "1", memory: "1Gi" }, { cpu: "1000m", memory: "1024Mi" })],
    "Guaranteed",
  ],
  ["limits alone", [amounts({ cpu: "1", memory: "1Gi" }, {})], "Guaranteed"],
  ["no memory limit", [amounts({ cpu: "1" }, { cpu: "1" })], "Burstable"],
  ["smaller requests", [amounts({ cpu: "1", memory: "1Gi" }, { cpu: "500m", memory: "1Gi" })], "Burstable"],
  ["one container without", [amounts({ cpu: "1", memory: "1Gi" }, {}), container()], "Burstable"],
  ["other resources only", [amounts({ "example.com/gpu": "1" }, {})], "BestEffort"],
];

for (const [name, containers, wanted] of classes) {
  test(`a Pod with ${name} is ${wanted}`, () => assert.equal(qosClassOf({ containers }), wanted));
}

const c0 = "spec.containers[0]";
const init = "may not be set for init containers without restartPolicy=Always";
const rules: readonly [name: string, spec: Partial<PodSpec>, faults: readonly string[]][] = [
  ["a plain Pod", {}, []],
  ["no containers", { containers: [] }, ["spec.containers: Required value"]],
  ["no name", { containers: [container({ name: "" })] }, [`${c0}.name: Required value`]],
  [
    "the same name twice",
    { containers: [container(), container()] },
    ['spec.containers[1].name: Duplicate value: "web"'],
  ],
  [
    "the name of an init container",
    { initContainers: [container()] },
    ['spec.initContainers[0].name: Duplicate value: "web"'],
  ],
  ["no image", { containers: [container({ image: "" })] }, [`${c0}.image: Required value`]],
  [
    "an image with a blank",
    { containers: [container({ image: " web:1" })] },
    [`${c0}.image: Invalid value: " web:1": must not have leading or trailing whitespace`],
  ],
  [
    "a pull policy",
    { containers: [container({ imagePullPolicy: "Maybe" })] },
    [`${c0}.imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"`],
  ],
  [
    "a port out of range",
    { containers: [container({ ports: [{ containerPort: 65536 }] })] },
    [`${c0}.ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive`],
  ],
  [
    "no port number",
    { containers: [container({ ports: [{ containerPort: 0 }] })] },
    [`${c0}.ports[0].containerPort: Required value`],
  ],
  [
    "a port name twice",
    {
      containers: [
        container({
          ports: [
            { name: "a", containerPort: 80 },
            { name: "a", containerPort: 81 },
          ],
        }),
      ],
    },
    [`${c0}.ports[1].name: Duplicate value: "a"`],
  ],
  [
    "a host port twice",
    {
      containers: [
        container({
          ports: [
            { containerPort: 80, hostPort: 80 },
            { containerPort: 81, hostPort: 80 },
          ],
        }),
      ],
    },
    [`${c0}.ports[1].hostPort: Duplicate value: "TCP//80"`],
  ],
  [
    "a host port that differs on the host's network",
    { hostNetwork: true, containers: [container({ ports: [{ containerPort: 80, hostPort: 81 }] })] },
    [`${c0}.ports[0].containerPort: Invalid value: 80: must match \`hostPort\` when \`hostNetwork\` is true`],
  ],
  [
    "a nameless variable",
    { containers: [container({ env: [{ name: "", value: "1" }] })] },
    [`${c0}.env[0].name: Required value`],
  ],
  [
    "a variable with two sources",
    {
      containers: [
        container({
          env: [
            {
              name: "A",
              valueFrom: { fieldRef: { fieldPath: "metadata.name" }, configMapKeyRef: { name: "a", key: "b" } },
            },
          ],
        }),
      ],
    },
    [`${c0}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time`],
  ],
  [
    "a variable with value and source",
    {
      containers: [
        container({ env: [{ name: "A", value: "1", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] }),
      ],
    },
    [`${c0}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`],
  ],
  [
    "an import of nothing",
    { containers: [container({ envFrom: [{}] })] },
    [`${c0}.envFrom[0]: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
  ],
  [
    "a probe without handler",
    { containers: [container({ livenessProbe: {} })] },
    [`${c0}.livenessProbe: Required value: must specify a handler type`],
  ],
  [
    "a probe with two handlers",
    { containers: [container({ livenessProbe: { exec: { command: ["true"] }, tcpSocket: { port: 80 } } })] },
    [`${c0}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`],
  ],
  [
    "a liveness probe that wants two successes",
    { containers: [container({ livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } })] },
    [`${c0}.livenessProbe.successThreshold: Invalid value: 2: must be 1`],
  ],
  [
    "a readiness probe that wants two successes",
    { containers: [container({ readinessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } })] },
    [],
  ],
  [
    "a probe with negative times",
    { containers: [container({ readinessProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: -1 } })] },
    [`${c0}.readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0`],
  ],
  [
    "a probe of no command",
    { containers: [container({ livenessProbe: { exec: {} } })] },
    [`${c0}.livenessProbe.exec.command: Required value`],
  ],
  [
    "a probe of port 0",
    { containers: [container({ livenessProbe: { httpGet: { port: 0 } } })] },
    [`${c0}.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
  ],
  [
    "an init container with a probe",
    { initContainers: [container({ name: "init", readinessProbe: { tcpSocket: { port: 80 } } })] },
    [`spec.initContainers[0].readinessProbe: Forbidden: ${init}`],
  ],
  [
    "a sidecar with a probe",
    {
      initContainers: [
        container({ name: "init", restartPolicy: "Always", readinessProbe: { tcpSocket: { port: 80 } } }),
      ],
    },
    [],
  ],
  ["a volume twice", { volumes: [{ name: "a" }, { name: "a" }] }, ['spec.volumes[1].name: Duplicate value: "a"']],
  [
    "a volume of two types",
    { volumes: [{ name: "a", emptyDir: {}, hostPath: { path: "/a" } }] },
    ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
  ],
  [
    "a mount of nothing",
    { containers: [container({ volumeMounts: [{ name: "a", mountPath: "/a" }] })] },
    [`${c0}.volumeMounts[0].name: Not found: "a"`],
  ],
  [
    "two mounts in one place",
    {
      volumes: [{ name: "a" }],
      containers: [
        container({
          volumeMounts: [
            { name: "a", mountPath: "/a" },
            { name: "a", mountPath: "/a" },
          ],
        }),
      ],
    },
    [`${c0}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`],
  ],
  [
    "more requested than the limit",
    { containers: [container({ resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } })] },
    [`${c0}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`],
  ],
  [
    "a restart policy",
    { restartPolicy: "Often" },
    ['spec.restartPolicy: Unsupported value: "Often": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    "a DNS policy",
    { dnsPolicy: "Odd" },
    [
      'spec.dnsPolicy: Unsupported value: "Odd": supported values: "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"',
    ],
  ],
  [
    "DNS policy None without servers",
    { dnsPolicy: "None" },
    ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
  ],
  [
    "a deadline of 0",
    { activeDeadlineSeconds: 0 },
    ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
  ],
  [
    "a toleration with a time and no effect",
    { tolerations: [{ key: "a", operator: "Exists", tolerationSeconds: 1 }] },
    ["spec.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"],
  ],
];

for (const [name, spec, faults] of rules) {
  test(`validate() a Pod with ${name}`, () => {
    assert.deepEqual(podKind.validate?.(created(spec)).map(formatFieldError), faults);
  });
}

const fixed =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: ";
const changes: readonly [name: string, change: (spec: PodSpec) => void, faults: readonly string[]][] = [
  ["nothing", () => {}, []],
  [
    "an image",
    (spec) => {
      for (const each of spec.containers) each.image = "web:2";
    },
    [],
  ],
  ["a new toleration", (spec) => void spec.tolerations?.push({ operator: "Exists" }), []],
  [
    "fewer tolerations",
    (spec) => {
      spec.tolerations = [];
    },
    ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
  ],
  [
    "a shorter deadline",
    (spec) => {
      spec.activeDeadlineSeconds = 5;
    },
    [],
  ],
  [
    "a longer deadline",
    (spec) => {
      spec.activeDeadlineSeconds = 50;
    },
    ["spec.activeDeadlineSeconds: Invalid value: 50: must be less than or equal to previous value"],
  ],
  [
    "no deadline",
    (spec) => {
      delete spec.activeDeadlineSeconds;
    },
    ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
  ],
  [
    "another container",
    (spec) => void spec.containers.push(container({ name: "b" })),
    ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  ],
  [
    "a command",
    (spec) => {
      for (const each of spec.containers) each.command = ["sh"];
    },
    [`${fixed}containers`],
  ],
  [
    "node and host name",
    (spec) => {
      Object.assign(spec, { nodeName: "b", hostname: "h" });
    },
    [`${fixed}hostname, nodeName`],
  ],
];

for (const [name, change, faults] of changes) {
  test(`validateUpdate() a Pod gets ${name}`, () => {
    const old = created({ tolerations: [{ key: "a", operator: "Exists" }], activeDeadlineSeconds: 10 });
    const object = structuredClone(old);
    change(object.spec);
    assert.deepEqual(podKind.validateUpdate?.(object, old).map(formatFieldError), faults);
  });
}

test("field selectors read what kubectl filters by", () => {
  const object = created({ nodeName: "n1" });
  Object.assign(object, { status: { phase: "Running", podIPs: [{ ip: "10.244.0.2" }] } });
  podKind.setDefaults?.(object);
  const values = Object.entries(podKind.fieldSelectors ?? {}).map(([field, read]) => `${field}=${read(object)}`);
  assert.deepEqual(values, [
    "spec.nodeName=n1",
    "spec.restartPolicy=Always",
    "spec.schedulerName=default-scheduler",
    "spec.serviceAccountName=",
    "spec.hostNetwork=false",
    "status.phase=Running",
    "status.podIP=10.244.0.2",
    "status.nominatedNodeName=",
  ]);
  assert.equal(object.status?.podIP, "10.244.0.2");
});
