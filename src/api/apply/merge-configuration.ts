/** A partial object merged into a whole one, by nobody's name: what a policy that changes objects applies. */
import { isJsonObject } from "../json.ts";
import { childType, type FieldType, isAtomic, objectType } from "../schema-table.ts";
import { mergeApplied } from "./merge.ts";

/** Lists, maps and objects in it that would be replaced as a whole: [".spec.template.spec.nodeSelector"]. */
function atomicsIn(value: unknown, type: FieldType | undefined, path: string): string[] {
  if (!type || type.kind === "scalar") return [];
  const own = isAtomic(type) ? [path] : [];
  if (Array.isArray(value) && type.kind === "list") {
    return [...own, ...value.flatMap((item, index) => atomicsIn(item, type.items, `${path}[${index}]`))];
  }
  if (!isJsonObject(value)) return [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([field, one]) => atomicsIn(one, childType(type, field), `${path}.${field}`)),
  ];
}

/** Throws an Error for what would be replaced as a whole: nobody can have meant to drop the rest of it. */
export function mergeConfiguration(object: unknown, configuration: unknown, schema: string): unknown {
  const type = objectType(schema);
  const atomics = atomicsIn(configuration, type, "");
  if (atomics.length > 0) {
    const why = `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(", ")}`;
    throw new Error(`error applying patch: ${why}`);
  }
  return mergeApplied(object, configuration, type);
}
