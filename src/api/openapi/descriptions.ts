/** What each type and field is for. Source: descriptions.gen.json, see scripts/describe-fields.ts. */
import type { FieldType } from "../schema-table.ts";
import generated from "./descriptions.gen.json" with { type: "json" };

const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = generated;

/** Of the type itself. */
export const describeType = (schema: string): string | undefined => tables[schema]?.[""];

/** Of a field; one that only refers to a type has that type's. */
export function describeField(schema: string, field: string, type: FieldType): string | undefined {
  return tables[schema]?.[field] ?? (type.kind === "object" ? describeType(type.schema) : undefined);
}
