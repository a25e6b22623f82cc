import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "../../api/object.ts";
import { judge, type OwnerState } from "./compute.ts";

const owned = (owners: Record<string, boolean>, metadata = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: "a",
    namespace: "ns",
    ownerReferences: Object.entries(owners).map(([uid, blockOwnerDeletion]) => ({
      apiVersion: "v1",
      kind: "Pod",
      name: uid,
      uid,
      blockOwnerDeletion,
    })),
    ...metadata,
  },
});

const cases: {
  name: string;
  object: ConfigMap;
  states: Record<string, OwnerState>;
  hasDependents?: boolean;
  want: string;
}[] = [
  { name: "no owners", object: owned({}), states: {}, want: "keep" },
  { name: "owner there", object: owned({ a: true }), states: { a: "present" }, want: "keep" },
  { name: "owner gone", object: owned({ a: true }), states: { a: "absent" }, want: "delete Background" },
  {
    name: "one of two gone",
    object: owned({ a: true, b: true }),
    states: { a: "absent", b: "present" },
    want: "release b",
  },
  {
    name: "owner waits, nothing below",
    object: owned({ a: true }),
    states: { a: "waiting" },
    want: "delete Background",
  },
  {
    name: "owner waits, more below",
    object: owned({ a: true }),
    states: { a: "waiting" },
    hasDependents: true,
    want: "delete Foreground",
  },
  {
    name: "owner waits but not for this",
    object: owned({ a: false }),
    states: { a: "waiting" },
    hasDependents: true,
    want: "delete Background",
  },
  {
    name: "being deleted already",
    object: owned({ a: true }, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    states: { a: "absent" },
    want: "keep",
  },
];
for (const { name, object, states, hasDependents = false, want } of cases) {
  test(`judge(): ${name}`, () => {
    const verdict = judge(object, { stateOf: ({ uid }) => states[uid] ?? "present", hasDependents });
    const detail =
      verdict.kind === "delete"
        ? verdict.propagationPolicy
        : verdict.kind === "release"
          ? verdict.ownerReferences.map(({ uid }) => uid)
          : "";
    assert.equal(`${verdict.kind} ${detail}`.trim(), want);
  });
}
