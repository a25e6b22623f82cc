import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { ConfigMap, Event, KubeObject, Lease, Namespace, Node, Secret, ServiceAccount } from "../object.ts";
import { configMapKind } from "./config-map.ts";
import { eventKind } from "./event.ts";
import { leaseKind } from "./lease.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";
import { secretKind } from "./secret.ts";
import { serviceAccountKind } from "./service-account.ts";

const now = Date.parse("2026-01-01T01:00:00Z");

function made<T extends KubeObject>(
  kind: Kind<T>,
  fields: Omit<T, "apiVersion" | "kind" | "metadata">,
  metadata = {},
): T {
  const object = structuredClone({
    apiVersion: "v1",
    kind: kind.kind,
    metadata: { name: "one", creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
    ...fields,
  }) as unknown as T;
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object);
  return object;
}

function faultsOf<T extends KubeObject>(kind: Kind<T>, object: T, old?: T): string[] {
  return (old ? kind.validateUpdate?.(object, old) : kind.validate?.(object))?.map(formatFieldError) ?? [];
}

function row<T extends KubeObject>({ columns }: Kind<T>, object: T): string {
  return columns.map(({ cell }) => cell(object, now)).join(" | ");
}

test("Namespace: label, finalizer, phase", () => {
  const object: Namespace = made(namespaceKind, {}, { generation: 1 });
  assert.equal(object.metadata.labels?.["kubernetes.io/metadata.name"], "one");
  assert.equal(object.metadata.generation, undefined);
  assert.deepEqual(object.spec, { finalizers: ["kubernetes"] });
  assert.equal(row(namespaceKind, object), "one | Active | 60m");
  assert.equal(namespaceKind.validateName?.("a.b", false).length, 1);
  assert.equal(namespaceKind.fieldSelectors?.["status.phase"]?.(object), "Active");
});

test("Namespace: an update cannot touch the finalizers", () => {
  const old: Namespace = made(namespaceKind, {});
  const object: Namespace = { ...structuredClone(old), spec: { finalizers: [] } };
  namespaceKind.prepareForUpdate?.(object, old);
  assert.deepEqual(object.spec, { finalizers: ["kubernetes"] });
});

test("Namespace: the phase follows the deletion", () => {
  const phase = (phase: string, metadata: object) => {
    const object: Namespace = { ...made(namespaceKind, {}, metadata), status: { phase } };
    return namespaceKind.validateStatusUpdate?.(object, object).map(formatFieldError);
  };
  const deleted = { deletionTimestamp: "2026-01-01T00:00:00Z" };
  assert.deepEqual(phase("Active", {}), []);
  assert.deepEqual(phase("Terminating", deleted), []);
  assert.deepEqual(phase("Terminating", {}), [
    "status.phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
  ]);
  assert.deepEqual(phase("Active", deleted), [
    "status.phase: Invalid value: \"Active\": may only be 'Terminating' if `deletionTimestamp` is not empty",
  ]);
});

const nodeInfo = {
  kubeletVersion: "v1.36.0",
  osImage: "Debian",
  kernelVersion: "6.1",
  containerRuntimeVersion: "process://1",
  architecture: "amd64",
  bootID: "",
  kubeProxyVersion: "",
  machineID: "",
  operatingSystem: "",
  systemUUID: "",
};
const ready = (value: string) => ({ conditions: [{ type: "Ready", status: value }], nodeInfo });

test("Node: the row", () => {
  const labels = {
    "node-role.kubernetes.io/worker": "",
    "node-role.kubernetes.io/control-plane": "",
    "kubernetes.io/role": "worker",
  };
  const addresses = [
    { type: "Hostname", address: "one" },
    { type: "InternalIP", address: "10.0.0.1" },
  ];
  const object: Node = made(nodeKind, { status: { ...ready("True"), addresses } }, { labels });
  assert.equal(
    row(nodeKind, object),
    "one | Ready | control-plane,worker | 60m | v1.36.0 | 10.0.0.1 | <none> | Debian | 6.1 (amd64) | process://1",
  );
  const status = (fields: Parameters<typeof made<Node>>[1]) => nodeKind.columns[1]?.cell(made(nodeKind, fields), now);
  assert.equal(status({}), "Unknown");
  assert.equal(status({ status: ready("False") }), "NotReady");
  assert.equal(status({ status: ready("Unknown"), spec: { unschedulable: true } }), "NotReady,SchedulingDisabled");
});

test("Node: Pod ranges agree, are of two families, and stay", () => {
  const node = (podCIDRs: string[]): Node => made(nodeKind, { spec: { podCIDRs } });
  assert.equal(node(["10.244.0.0/24"]).spec?.podCIDR, "10.244.0.0/24");
  assert.deepEqual(made(nodeKind, { spec: { podCIDR: "10.244.0.0/24" } }).spec?.podCIDRs, ["10.244.0.0/24"]);
  assert.deepEqual(faultsOf(nodeKind, node(["10.244.0.0/24", "fd00::/64"])), []);
  assert.deepEqual(faultsOf(nodeKind, node(["10.244.0.0/24", "10.244.1.0/24"])), [
    'spec.podCIDRs: Invalid value: ["10.244.0.0/24","10.244.1.0/24"]: may specify no more than one CIDR for each IP family',
  ]);
  assert.deepEqual(faultsOf(nodeKind, node(["10.244.0.1/24"])), [
    'spec.podCIDRs[0]: Invalid value: "10.244.0.1/24": must not have bits set beyond the prefix length',
  ]);
  assert.deepEqual(faultsOf(nodeKind, node(["10.244.1.0/24"]), node(["10.244.0.0/24"])), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ]);
  assert.deepEqual(faultsOf(nodeKind, node(["10.244.1.0/24"]), made(nodeKind, {})), []);
});

test("Node: taints", () => {
  const taints = [
    { key: "a", effect: "NoSchedule" },
    { key: "a", effect: "NoSchedule" },
    { key: "b", effect: "Never" },
  ];
  assert.deepEqual(faultsOf(nodeKind, made(nodeKind, { spec: { taints } })), [
    'spec.taints[1]: Duplicate value: {"key":"a","value":"","effect":"NoSchedule"}',
    'spec.taints[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ]);
});

const involvedObject = { kind: "Pod", namespace: "default", name: "web", fieldPath: "spec.containers{web}" };

test("Event: the rows of old and of new events", () => {
  const source = { component: "kubelet", host: "n1" };
  const old: Event = made(eventKind, {
    involvedObject,
    type: "Normal",
    reason: "Pulled",
    message: " done\n",
    source,
    count: 3,
    firstTimestamp: "2026-01-01T00:50:00Z",
    lastTimestamp: "2026-01-01T00:59:00Z",
  });
  assert.equal(
    row(eventKind, old),
    "60s | Normal | Pulled | pod/web | spec.containers{web} | kubelet, n1 | done | 10m | 3 | one",
  );
  const reporter = { reportingComponent: "scheduler", reportingInstance: "s1" };
  const fresh: Event = made(eventKind, {
    involvedObject: { kind: "Node" },
    ...reporter,
    eventTime: "2026-01-01T00:59:30.000000Z",
  });
  assert.equal(row(eventKind, fresh), "30s |  |  | node |  | scheduler, s1 |  | 30s | 1 | one");
  assert.equal(eventKind.fieldSelectors?.source?.(fresh), "scheduler");
  assert.equal(eventKind.fieldSelectors?.["involvedObject.name"]?.(old), "web");
});

test("Event: it lives where its object lives", () => {
  const event = (home: string, namespace?: string): Event =>
    made(eventKind, { involvedObject: { kind: "Pod", ...(namespace && { namespace }) } }, { namespace: home });
  assert.deepEqual(faultsOf(eventKind, event("default", "default")), []);
  assert.deepEqual(faultsOf(eventKind, event("default")), []);
  assert.deepEqual(faultsOf(eventKind, event("other", "default")), [
    'involvedObject.namespace: Invalid value: "default": does not match event.namespace',
  ]);
  assert.deepEqual(faultsOf(eventKind, event("other")), [
    'involvedObject.namespace: Invalid value: "": does not match event.namespace',
  ]);
});

test("Event: one with a time names its reporter", () => {
  const fields = { involvedObject, eventTime: "2026-01-01T00:59:30.000000Z" };
  assert.deepEqual(faultsOf(eventKind, made(eventKind, fields, { namespace: "default" })), [
    "reportingComponent: Required value",
    "reportingInstance: Required value",
    "action: Required value",
    "reason: Required value",
  ]);
});

test("ConfigMap: keys, sizes, row", () => {
  const object: ConfigMap = made(configMapKind, { data: { a: "1", "b c": "2" }, binaryData: { a: "AQ==" } });
  const faults = faultsOf(configMapKind, object);
  assert.equal(faults.length, 2);
  assert.match(faults[0] ?? "", /^data\[b c\]: Invalid value: "b c": a valid config key must consist of/);
  assert.equal(faults[1], 'data[a]: Invalid value: "a": duplicate of key present in binaryData');
  assert.equal(
    row(configMapKind, made(configMapKind, { data: { a: "1" }, binaryData: { b: "AQ==" } })),
    "one | 2 | 60m",
  );
  assert.deepEqual(faultsOf(configMapKind, made(configMapKind, { data: { a: "x".repeat(1048576) } })), []);
  assert.deepEqual(faultsOf(configMapKind, made(configMapKind, { data: { a: "x".repeat(1048577) } })), [
    ": Too long: may not be more than 1048576 bytes",
  ]);
});

test("ConfigMap and Secret: once immutable, always immutable", () => {
  const old: ConfigMap = made(configMapKind, { immutable: true, data: { a: "1" } });
  const detail = "Forbidden: field is immutable when `immutable` is set";
  assert.deepEqual(faultsOf(configMapKind, structuredClone(old), old), []);
  assert.deepEqual(faultsOf(configMapKind, made(configMapKind, { data: { a: "2" } }), old), [
    `immutable: ${detail}`,
    `data: ${detail}`,
  ]);
  assert.deepEqual(
    faultsOf(
      secretKind,
      made(secretKind, { immutable: true }),
      made(secretKind, { immutable: true, data: { a: "MQ==" } }),
    ),
    [`data: ${detail}`],
  );
});

test("Secret: type, plain text and row", () => {
  const object: Secret = made(secretKind, { data: { a: "b2xk", b: "Yg==" }, stringData: { a: "new" } });
  assert.deepEqual([object.type, object.data, object.stringData], ["Opaque", { a: "bmV3", b: "Yg==" }, undefined]);
  assert.equal(row(secretKind, object), "one | Opaque | 2 | 60m");
  assert.deepEqual(faultsOf(secretKind, { ...object, type: "kubernetes.io/tls" }, object), [
    'type: Invalid value: "kubernetes.io/tls": field is immutable',
  ]);
});

const secretRules: readonly [type: string, data: Record<string, string>, faults: readonly string[]][] = [
  ["Opaque", {}, []],
  ["example.com/own", {}, []],
  ["kubernetes.io/tls", { "tls.crt": "" }, ["data[tls.key]: Required value"]],
  ["kubernetes.io/ssh-auth", {}, ["data[ssh-privatekey]: Required value"]],
  ["kubernetes.io/basic-auth", {}, ["data[username]: Required value", "data[password]: Required value"]],
  ["kubernetes.io/basic-auth", { username: "YQ==" }, []],
  ["kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]: Required value"]],
  ["kubernetes.io/dockerconfigjson", { ".dockerconfigjson": "e30=" }, []],
  [
    "kubernetes.io/dockercfg",
    { ".dockercfg": "YQ==" },
    ['data[.dockercfg]: Invalid value: "<secret contents redacted>": must be valid JSON'],
  ],
  [
    "kubernetes.io/service-account-token",
    {},
    ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  ],
];

for (const [type, data, faults] of secretRules) {
  test(`Secret of type ${type} with keys [${Object.keys(data)}]`, () => {
    assert.deepEqual(faultsOf(secretKind, made(secretKind, { type, data })), faults);
  });
}

test("ServiceAccount and Lease: rows and rules", () => {
  const account: ServiceAccount = made(serviceAccountKind, {});
  assert.equal(row(serviceAccountKind, account), "one | 60m");
  const lease: Lease = made(
    leaseKind,
    { spec: { holderIdentity: "n1", leaseDurationSeconds: 0, leaseTransitions: -1 } },
    { generation: 1 },
  );
  assert.equal(row(leaseKind, lease), "one | n1 | 60m");
  assert.equal(lease.metadata.generation, undefined);
  assert.deepEqual(faultsOf(leaseKind, lease), [
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
  ]);
});
