/** What an object of a kind is before anyone wrote to it: the parts that are always there, so nobody owns them. */
import type { JsonObject } from "../json.ts";
import { fieldsOf } from "../schema-table.ts";

/** Objects inside objects that Kubernetes' types hold by value; all others are absent until someone writes them. */
const always = new Set(["metadata", "spec", "status", "template", "strategy", "updateStrategy", "containers"]);

/** `{metadata: {}, spec: {template: {metadata: {}, spec: {containers: []}}, …}, status: {}}` for a Deployment. */
export function skeleton(schema: string): JsonObject {
  const result: JsonObject = {};
  for (const [field, type] of fieldsOf(schema)) {
    if (!always.has(field)) continue;
    if (type.kind === "object") result[field] = skeleton(type.schema);
    else if (type.kind === "list") result[field] = [];
  }
  return result;
}
