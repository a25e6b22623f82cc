import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import type { Column, Kind } from "../kind.ts";
import type { DaemonSet, Deployment, KubeObject, ReplicaSet } from "../object.ts";
import { daemonSetKind } from "./daemon-set.ts";
import { deploymentKind } from "./deployment.ts";
import { replicaSetKind } from "./replica-set.ts";

const selector = { matchLabels: { app: "web" } };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:1" }] } };
const metadata = { name: "web", namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z" };

type Fields = Readonly<Record<string, unknown>>;

function made<T extends KubeObject & { spec: unknown }>(kind: Kind<T>, spec: Fields): T {
  const object = structuredClone({
    apiVersion: "apps/v1",
    kind: kind.kind,
    metadata,
    spec: { selector, template, ...spec },
  }) as unknown as T;
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object);
  return object;
}

function faultsOf<T extends KubeObject & { spec: unknown }>(kind: Kind<T>, spec: Fields): string[] {
  return (kind.validate?.(made(kind, spec)) ?? []).map(formatFieldError);
}

function row<T>(columns: readonly Column<T>[], object: T): string {
  return columns.map(({ cell }) => cell(object, Date.parse("2026-01-01T00:01:00Z"))).join(" | ");
}

test("Deployment defaults", () => {
  const { spec, status } = made(deploymentKind, {});
  assert.equal(spec.replicas, 1);
  assert.equal(spec.revisionHistoryLimit, 10);
  assert.equal(spec.progressDeadlineSeconds, 600);
  assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } });
  assert.equal(spec.template.spec?.restartPolicy, "Always");
  assert.deepEqual(status, {});
  assert.deepEqual(made(deploymentKind, { strategy: { type: "Recreate" } }).spec.strategy, { type: "Recreate" });
  assert.equal(made(deploymentKind, { replicas: 0 }).spec.replicas, 0);
});

test("DaemonSet and ReplicaSet defaults", () => {
  const { spec, status } = made(daemonSetKind, {});
  assert.deepEqual(spec.updateStrategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } });
  assert.equal(spec.revisionHistoryLimit, 10);
  assert.deepEqual(Object.values(status ?? {}), [0, 0, 0, 0]);
  assert.equal(made(replicaSetKind, {}).spec.replicas, 1);
});

const matchFault =
  'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`';
const shared: readonly [name: string, spec: Fields, faults: readonly string[]][] = [
  ["good", {}, []],
  ["no selector", { selector: undefined }, ["spec.selector: Required value"]],
  ["a selector of other Pods", { selector: { matchLabels: { app: "db" } } }, [matchFault]],
  [
    "an expression that fits",
    { selector: { matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] } },
    [],
  ],
  [
    "an expression that does not fit",
    { selector: { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] } },
    [matchFault],
  ],
  [
    "an unknown operator",
    { selector: { matchExpressions: [{ key: "app", operator: "Like" }] } },
    ['spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator'],
  ],
  [
    "an expression without values",
    { selector: { matchExpressions: [{ key: "app", operator: "In" }] } },
    ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
  [
    "no containers",
    { template: { ...template, spec: { containers: [] } } },
    ["spec.template.spec.containers: Required value"],
  ],
  [
    "a Pod that ends",
    { template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    "negative readiness",
    { minReadySeconds: -1 },
    ["spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"],
  ],
];

for (const [name, spec, faults] of shared) {
  test(`validate() a workload with ${name}`, () => {
    assert.deepEqual(faultsOf(deploymentKind, spec), faults);
    assert.deepEqual(faultsOf(replicaSetKind, spec).toSorted(), faults.toSorted());
    assert.deepEqual(faultsOf(daemonSetKind, spec), faults);
  });
}

test("validate() knows no workload with a deadline", () => {
  const spec = { template: { ...template, spec: { ...template.spec, activeDeadlineSeconds: 5 } } };
  const field = "spec.template.spec.activeDeadlineSeconds";
  const text = (owner: string) => [`${field}: Forbidden: activeDeadlineSeconds in ${owner} is not Supported`];
  assert.deepEqual(faultsOf(deploymentKind, spec), text("ReplicaSet"));
  assert.deepEqual(faultsOf(daemonSetKind, spec), text("DaemonSet"));
});

test("validate() says what an empty selector is invalid for", () => {
  const text = (word: string) => [`spec.selector: Invalid value: {}: empty selector is invalid for ${word}`];
  assert.deepEqual(faultsOf(deploymentKind, { selector: {} }), text("deployment"));
  assert.deepEqual(faultsOf(replicaSetKind, { selector: {} }), text("deployment"));
  assert.deepEqual(faultsOf(daemonSetKind, { selector: {} }), text("daemonset"));
});

const rolling = "spec.strategy.rollingUpdate";
const strategies: readonly [strategy: Fields, faults: readonly string[]][] = [
  [{ type: "Odd" }, ['spec.strategy: Unsupported value: "Odd": supported values: "Recreate", "RollingUpdate"']],
  [
    { type: "Recreate", rollingUpdate: { maxSurge: 1 } },
    [`${rolling}: Forbidden: may not be specified when strategy \`type\` is 'Recreate'`],
  ],
  [
    { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } },
    [`${rolling}.maxUnavailable: Invalid value: 0: may not be 0 when \`maxSurge\` is 0`],
  ],
  [
    { rollingUpdate: { maxSurge: "0%", maxUnavailable: "0%" } },
    [`${rolling}.maxUnavailable: Invalid value: "0%": may not be 0 when \`maxSurge\` is 0`],
  ],
  [{ rollingUpdate: { maxSurge: "150%" } }, []],
  [
    { rollingUpdate: { maxUnavailable: "150%" } },
    [`${rolling}.maxUnavailable: Invalid value: "150%": must not be greater than 100%`],
  ],
  [{ rollingUpdate: { maxSurge: -1 } }, [`${rolling}.maxSurge: Invalid value: -1: must be greater than or equal to 0`]],
];

for (const [strategy, faults] of strategies) {
  test(`validate() a Deployment with strategy ${JSON.stringify(strategy)}`, () => {
    assert.deepEqual(faultsOf(deploymentKind, { strategy }), faults);
  });
}

test("validate() numbers of a Deployment", () => {
  assert.deepEqual(faultsOf(deploymentKind, { replicas: -1, progressDeadlineSeconds: 5, minReadySeconds: 5 }), [
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
  ]);
});

test("validate() a DaemonSet surges or leaves room, and not both", () => {
  const faults = (rollingUpdate: Fields) => faultsOf(daemonSetKind, { updateStrategy: { rollingUpdate } });
  const path = "spec.updateStrategy.rollingUpdate";
  assert.deepEqual(faults({ maxSurge: 1, maxUnavailable: 0 }), []);
  assert.deepEqual(faults({ maxSurge: 1 }), [
    `${path}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero`,
  ]);
  assert.deepEqual(faults({ maxUnavailable: 0 }), [
    `${path}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`,
  ]);
});

test("validateUpdate() a selector stays as it is", () => {
  const changed = { matchLabels: { app: "db" } };
  const wanted = ['spec.selector: Invalid value: {"matchLabels":{"app":"db"}}: field is immutable'];
  const check = <T extends KubeObject & { spec: unknown }>(kind: Kind<T>) =>
    (kind.validateUpdate?.(made(kind, { selector: changed }), made(kind, {})) ?? []).map(formatFieldError);
  assert.deepEqual(check(deploymentKind), wanted);
  assert.deepEqual(check(replicaSetKind), wanted);
  assert.deepEqual(check(daemonSetKind), wanted);
});

test("the rows of workloads", () => {
  const deployment: Deployment = {
    ...made(deploymentKind, { replicas: 3 }),
    status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
  };
  const replicaSet: ReplicaSet = {
    ...made(replicaSetKind, { replicas: 3 }),
    status: { replicas: 2, readyReplicas: 1 },
  };
  const daemonSet: DaemonSet = {
    ...made(daemonSetKind, {}),
    status: {
      desiredNumberScheduled: 5,
      currentNumberScheduled: 4,
      numberReady: 3,
      updatedNumberScheduled: 2,
      numberAvailable: 1,
      numberMisscheduled: 0,
    },
  };
  assert.equal(row(deploymentKind.columns, deployment), "web | 2/3 | 3 | 1 | 60s | web | web:1 | app=web");
  assert.equal(row(replicaSetKind.columns, replicaSet), "web | 3 | 2 | 1 | 60s | web | web:1 | app=web");
  assert.equal(row(daemonSetKind.columns, daemonSet), "web | 5 | 4 | 3 | 2 | 1 | <none> | 60s | web | web:1 | app=web");
  assert.equal(replicaSetKind.fieldSelectors?.["status.replicas"]?.(replicaSet), "2");
});

test("workloads warn of what their Pods are warned of, when the template changes", () => {
  const spec = {
    template: { ...template, spec: { ...template.spec, nodeSelector: { "beta.kubernetes.io/os": "linux" } } },
  };
  const text =
    'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead';
  const object = made(deploymentKind, spec);
  assert.deepEqual(deploymentKind.warnings?.(object, undefined), [text]);
  assert.deepEqual(deploymentKind.warnings?.(object, made(deploymentKind, {})), [text]);
  assert.deepEqual(deploymentKind.warnings?.(object, structuredClone(object)), []);
});
