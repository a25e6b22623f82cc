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
  return sentence(kind, value.name, named);
}

function sentence(kind: string, name: unknown, named: string): string {
  const object = typeof name === "string" ? `${kind} "${name}"` : kind;
  return `The fields of ${object} seem to have lost their indentation: at the top level stand ${named}`;
}

/**
 * The same for YAML text that cannot even be parsed, as when only a list's items kept theirs:
 * a line "metadata:" or "spec:" with nothing after it and the next line at the same depth. One document.
 */
export function lostIndentationInText(text: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const scalar = (field: string): string | undefined =>
    lines.map((line) => /^(\w+):\s+(\S+)\s*$/.exec(line)).find((match) => match?.[1] === field)?.[2];
  const kind = scalar("kind");
  const named = sections.flatMap((section) => {
    const next = lines[lines.findIndex((line) => line.trimEnd() === `${section}:`) + 1];
    const field = /^(\w+):/.exec(next ?? "")?.[1];
    return lines.some((line) => line.trimEnd() === `${section}:`) && field ? [`${field} (of ${section})`] : [];
  });
  return kind && named.length > 0 ? sentence(kind, scalar("name"), named.join(", ")) : undefined;
}
