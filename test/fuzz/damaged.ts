/** An object of a kind as plain data: a right one with some damage, or a wholly random one. */
import type { Kind } from "../../src/api/kind.ts";
import { mutateData } from "./mutate.ts";
import type { Random } from "./random.ts";
import { samplesOf } from "./samples.ts";
import type { Values } from "./values.ts";

export function damaged(
  random: Random,
  kind: Kind,
  values: Values,
  { name, namespace }: { name?: string | undefined; namespace?: string | undefined } = {},
): Record<string, unknown> {
  const samples = samplesOf(kind);
  if (samples.length === 0 || (kind.schema && random.chance(0.3))) return values.object(kind, name, namespace);
  const sample = structuredClone(random.pick(samples)) as { metadata: Record<string, unknown> };
  if (name) sample.metadata.name = name;
  if (namespace) sample.metadata.namespace = namespace;
  for (let n = random.pick([0, 0, 0, 0, 0, 1, 1, 2, 5]); n > 0; n--) mutateData(random, sample);
  return sample;
}
