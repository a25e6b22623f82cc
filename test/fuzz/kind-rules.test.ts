/** The rules of every kind, given random objects that its fields allow: they find faults, they never break. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "../../src/api/kind.ts";
import { kinds } from "../../src/api/kinds/mod.ts";
import { validateMetadata, validateMetadataUpdate } from "../../src/api/metadata.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { decode } from "../../src/api/schema.ts";
import { table } from "../../src/api/table.ts";
import { encodeMessage } from "../../src/apiserver/protobuf/encode.ts";
import { damaged } from "./damaged.ts";
import { Random } from "./random.ts";
import { Values } from "./values.ts";

const rounds = Number(process.env.FAIRLEAD_FUZZ_ROUNDS ?? 150);
const now = Date.parse("2026-01-01T00:00:00Z");

/** What a create does with an object, without a server. Undefined: it cannot be read, which is an answer too. */
function make(kind: Kind, data: Record<string, unknown>): KubeObject | undefined {
  const { value, errors } = kind.decode?.(data as never) ?? decode(kind.schema, data);
  if (errors.length > 0) return undefined;
  const object = value as unknown as KubeObject & { metadata?: KubeObject["metadata"] };
  object.metadata ??= { name: "" };
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object);
  return object;
}

/** True: it would be stored. */
function judge(kind: Kind, object: KubeObject, old: KubeObject | undefined): boolean {
  const faults = [...validateMetadata(object, kind), ...(kind.validate?.(object, old) ?? [])];
  for (const { detail } of faults) assert.equal(typeof detail, "string");
  kind.warnings?.(object, old);
  if (old) {
    const next = structuredClone(object);
    kind.prepareForUpdate?.(next, old);
    validateMetadataUpdate(next, old);
    kind.validateUpdate?.(next, old);
    kind.validateStatusUpdate?.(next, old);
    kind.raisesGeneration?.(next, old);
  }
  return faults.length === 0;
}

function show(kind: Kind, object: KubeObject): void {
  table(kind.columns, [object], { include: "Object", now, metadata: { resourceVersion: "1" } });
  for (const field of Object.values(kind.fieldSelectors ?? {})) field(object);
  if (kind.schema.startsWith("io.k8s.api.")) encodeMessage(kind.schema, object);
}

for (const [index, kind] of kinds.entries()) {
  test(`the rules of ${kind.group || "core"}/${kind.plural} take any object`, (t) => {
    const random = new Random(7000 + index);
    const values = new Values(random);
    let old: KubeObject | undefined;
    const broken = new Map<string, string>();
    for (let round = 0; round < rounds; round++) {
      const data = JSON.parse(JSON.stringify(damaged(random, kind, values)));
      try {
        const object = make(kind, structuredClone(data));
        if (!object) continue;
        if (old) judge(kind, object, old);
        if (judge(kind, object, undefined)) old = object;
        // A status may be anything that its fields allow.
        if (old) show(kind, { ...old, ...("status" in object && { status: object.status }) });
      } catch (error) {
        const stack = (error as Error).stack ?? "";
        broken.set(stack.split("\n").slice(0, 3).join(" "), JSON.stringify(data).slice(0, 1000));
      }
    }
    for (const [place, data] of broken) t.diagnostic(`${place} ${data}`);
    assert.equal(broken.size, 0);
  });
}
