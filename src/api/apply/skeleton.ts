/** What an object of a kind is before anyone wrote to it: the parts that are always there, so nobody owns them. */
import type { JsonObject } from "../json.ts";
import { fieldsOf, hasSchema } from "../schema-table.ts";

/** Objects inside objects that Kubernetes' types hold by value; all others are absent until someone writes them. */
const always = new Set([
  "metadata",
  "spec",
  "status",
  "template",
  "strategy",
  "updateStrategy",
  "containers",
  "loadBalancer",
]);

const made = new Map<string, JsonObject>();

/** `{metadata: {}, spec: {template: {metadata: {}, spec: {containers: []}}, …}, status: {}}` for a Deployment. */
export function skeleton(schema: string): Readonly<JsonObject> {
  const known = made.get(schema);
  if (known) return known;
  // Custom resources are as they were written.
  if (!hasSchema(schema)) return {};
  const result: JsonObject = {};
  for (const [field, type] of fieldsOf(schema)) {
    if (!always.has(field)) continue;
    if (type.kind === "object") result[field] = skeleton(type.schema);
    else if (type.kind === "list") result[field] = [];
  }
  made.set(schema, result);
  return result;
}
