/**
 * Writes src/apiserver/protobuf/field-numbers.gen.json: how the protobuf form numbers the fields of the schemas we serve.
 * In: a folder with checkouts of the published Go modules `api`, `apimachinery` and `apiextensions-apiserver`, whose struct tags hold the numbers.
 *   node scripts/generate-protobuf.ts FOLDER
 * Out, for each schema: number → "name" (left out when zero), "name*" (a pointer: zero counts), "+Type" (its fields are the outer one's).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemaNames } from "../src/api/schema-table.ts";
import { unionNames } from "../src/apiserver/protobuf/definition-fields.ts";

type Table = Record<string, string>;

const root = process.argv[2];
if (!root)
  throw new RangeError(
    "Cannot generate field numbers: name the folder with the modules api, apimachinery and apiextensions-apiserver",
  );

/** "io.k8s.api.core.v1" → the text of "api/core/v1/types*.go". */
function sourceOf(packageName: string): string {
  const folder = join(root ?? "", ...packageName.replace(/^io\.k8s\./, "").split("."));
  if (!existsSync(folder)) return "";
  const files = readdirSync(folder).filter((file) => /^types.*(?<!_test)\.go$/.test(file));
  return files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
}

const fieldPattern = /^\t(?:(\w+)\s+)?(\S+)\s+`(?:json:"([^"]*)".*\s)?protobuf:"[a-z]+,(\d+),(?:\S*\bname=(\w+))?/;

function structOf(source: string, name: string): string | undefined {
  const start = source.search(new RegExp(`^type ${name} struct \\{`, "m"));
  return start < 0 ? undefined : source.slice(start, source.indexOf("\n}", start));
}

function numbersOf(text: string): { table: Table; inline: string[] } {
  const table: Table = {};
  const inline: string[] = [];
  for (const line of text.split("\n")) {
    const [, embedded, type = "", json, number = "", ownName = ""] = fieldPattern.exec(line) ?? [];
    if (!number) continue;
    const name = json === undefined ? ownName : (json.split(",")[0] ?? "");
    const isInline = embedded === undefined && name === "";
    if (isInline) inline.push(type.replace(/^\*/, ""));
    table[number] = isInline ? `+${type.replace(/^\*/, "")}` : type.startsWith("*") ? `${name}*` : name;
  }
  return { table, inline };
}

const tables: Record<string, Table> = {};

function add(schema: string): void {
  const at = schema.lastIndexOf(".");
  const [packageName, name] = [schema.slice(0, at), schema.slice(at + 1)];
  if (tables[schema] || name.endsWith("List")) return;
  const text = structOf(sourceOf(packageName), name);
  if (!text) return;
  const { table, inline } = numbersOf(text);
  tables[schema] = table;
  for (const type of inline) add(`${packageName}.${type}`);
}

for (const schema of [...schemaNames(), ...unionNames]) add(schema);
const sorted = Object.fromEntries(Object.entries(tables).sort(([a], [b]) => (a < b ? -1 : 1)));
const lines = Object.entries(sorted).map(([schema, table]) => `  ${JSON.stringify(schema)}: ${JSON.stringify(table)}`);
writeFileSync(
  new URL("../src/apiserver/protobuf/field-numbers.gen.json", import.meta.url),
  `{\n${lines.join(",\n")}\n}\n`,
);
