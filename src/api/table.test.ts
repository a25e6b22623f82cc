import assert from "node:assert/strict";
import { test } from "node:test";
import { age } from "./human-duration.ts";
import type { Column } from "./kind.ts";
import type { KubeObject } from "./object.ts";
import { table } from "./table.ts";

const columns: readonly Column<KubeObject>[] = [
  { name: "Name", type: "string", description: "its name", priority: 0, cell: ({ metadata }) => metadata.name },
  {
    name: "Age",
    type: "string",
    description: "its age",
    priority: 1,
    cell: ({ metadata }, now) => age(metadata.creationTimestamp, now),
  },
];
const object = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {},
};
const options = { now: Date.parse("2026-01-01T00:05:00Z"), metadata: { resourceVersion: "7" } };

const includes: readonly (readonly [include: "None" | "Metadata" | "Object", want: unknown])[] = [
  ["None", { cells: ["web", "5m"] }],
  [
    "Metadata",
    {
      cells: ["web", "5m"],
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata },
    },
  ],
  ["Object", { cells: ["web", "5m"], object }],
];

for (const [include, want] of includes) {
  test(`table() carries objects as asked: ${include}`, () =>
    assert.deepEqual(table(columns, [object], { ...options, include }).rows, [want]));
}

test("table() defines its columns, unless it is a later event of a watch", () => {
  const first = table(columns, [], { ...options, include: "None" });
  assert.deepEqual(first, {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "7" },
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description: "its name", priority: 0 },
      { name: "Age", type: "string", format: "", description: "its age", priority: 1 },
    ],
    rows: [],
  });
  assert.deepEqual(table(columns, [], { ...options, include: "None", withColumns: false }).columnDefinitions, []);
});
