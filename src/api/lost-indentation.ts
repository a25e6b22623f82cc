/** Finds manifests that were pasted without their indentation, so that their author reads one sentence and not twenty. */
import { isJsonObject, type JsonObject } from "./json.ts";
import { fieldsOf } from "./schema-table.ts";

const sections = ["metadata", "spec"] as const;

/** The section ("metadata", "spec") that a stray top-level field belongs to. */
function sectionOf(field: string, schema: string): string | undefined {
  const top = fieldsOf(schema);
  return sections.find((section) => {
    const type = top.get(section);
    return type?.kind === "object" && fieldsOf(type.schema).has(field);
  });
}

const isEmptySection = (value: JsonObject, section: string): boolean =>
  value[section] === null || value[section] === undefined;

/**
 * One sentence when top-level fields of `value` are fields of an empty `metadata` or `spec`, else undefined.
 * E.g. `{kind: "Service", metadata: null, name: "x", spec: null, ports: [...]}`.
 */
export function lostIndentation(value: unknown, schema: string): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const top = fieldsOf(schema);
  const stray = Object.keys(value)
    .filter((field) => !top.has(field))
    .map((field) => ({ field, section: sectionOf(field, schema) }))
    .filter(({ section }) => section !== undefined && isEmptySection(value, section));
  const proof = stray.some(({ section }) => section !== undefined && value[section] === null) || stray.length > 1;
  if (stray.length === 0 || !proof) return undefined;
  const kind = typeof value.kind === "string" ? value.kind : schema.slice(schema.lastIndexOf(".") + 1);
  const named = stray.map(({ field, section }) => `${field} (of ${section})`).join(", ");
  return `The fields of this ${kind} seem to have lost their indentation: at the top level stand ${named}`;
}
