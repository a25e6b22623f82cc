import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "../api/kind.ts";
import { namespaceKind } from "../api/kinds/namespace.ts";
import { podKind } from "../api/kinds/pod.ts";
import { serviceKind } from "../api/kinds/service.ts";
import type { StoredObject } from "./codec.ts";
import { type DeleteOptions, decideDeletion } from "./deletion.ts";

const pod = podKind as unknown as Kind;
const service = serviceKind as unknown as Kind;
const namespace = namespaceKind as unknown as Kind;
const nowMs = Date.UTC(2026, 0, 1);

const object = (metadata: object, rest: object = {}): StoredObject =>
  ({ apiVersion: "v1", kind: "X", metadata: { name: "x", ...metadata }, ...rest }) as StoredObject;

const bound = { spec: { nodeName: "n1", terminationGracePeriodSeconds: 10 } };

const cases: { name: string; kind: Kind; object: StoredObject; options?: DeleteOptions; want: object }[] = [
  { name: "an object without finalizers goes", kind: service, object: object({}), want: { kind: "remove" } },
  { name: "a pod that no agent runs goes", kind: pod, object: object({}, { spec: {} }), want: { kind: "remove" } },
  {
    name: "a bound pod gets its grace",
    kind: pod,
    object: object({}, bound),
    want: { kind: "mark", deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 10 },
  },
  {
    name: "a grace that is asked for counts",
    kind: pod,
    object: object({}, bound),
    options: { gracePeriodSeconds: 3 },
    want: { kind: "mark", deletionTimestamp: "2026-01-01T00:00:03Z", deletionGracePeriodSeconds: 3 },
  },
  {
    name: "grace 0 removes",
    kind: pod,
    object: object({}, bound),
    options: { gracePeriodSeconds: 0 },
    want: { kind: "remove" },
  },
  {
    name: "a finished pod goes at once",
    kind: pod,
    object: object({}, { ...bound, status: { phase: "Succeeded" } }),
    want: { kind: "remove" },
  },
  {
    name: "a second delete changes nothing",
    kind: pod,
    object: object({ deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 10 }, bound),
    want: { kind: "pending" },
  },
  {
    name: "a second delete may shorten the grace",
    kind: pod,
    object: object({ deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 10 }, bound),
    options: { gracePeriodSeconds: 1 },
    want: { kind: "mark", deletionTimestamp: "2026-01-01T00:00:01Z", deletionGracePeriodSeconds: 1 },
  },
  {
    name: "Foreground waits for dependents",
    kind: service,
    object: object({}),
    options: { propagationPolicy: "Foreground" },
    want: { kind: "mark", finalizers: ["foregroundDeletion"], deletionGracePeriodSeconds: 0 },
  },
  {
    name: "Orphan replaces Foreground",
    kind: service,
    object: object({ finalizers: ["foregroundDeletion", "a/b"] }),
    options: { propagationPolicy: "Orphan" },
    want: { kind: "mark", finalizers: ["a/b", "orphan"] },
  },
  {
    name: "a namespace with its own finalizers is Terminating",
    kind: namespace,
    object: object({}, { spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } }),
    want: { kind: "mark", phase: "Terminating", deletionTimestamp: "2026-01-01T00:00:00Z" },
  },
];

for (const { name, kind, object: old, options = {}, want } of cases) {
  test(`decideDeletion(): ${name}`, () => {
    const decision = decideDeletion(old, { kind, options, nowMs });
    const marked = decision.kind === "mark" ? decision.object : undefined;
    const got: Record<string, unknown> = { ...marked?.metadata, ...(marked?.status as object), kind: decision.kind };
    assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, got[key]])), want);
  });
}
