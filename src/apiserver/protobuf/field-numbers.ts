/** How the protobuf form numbers the fields of schemas: number → "name" (left out when zero), "name*" (a pointer: zero counts), "+Type" (its fields are the outer one's). */
import { hasSchema } from "../../api/schema-table.ts";
import generated from "./field-numbers.gen.json" with { type: "json" };

export const magic = Buffer.from("k8s\0");

const numbers: Readonly<Record<string, Readonly<Record<string, string>>>> = generated;

/** Empty for a schema that has no protobuf form. */
export const numbersOf = (schema: string): Readonly<Record<string, string>> => numbers[schema] ?? {};

export const hasNumbers = (schema: string): boolean => Object.hasOwn(numbers, schema);

/** "apps/v1" and "Deployment" → "io.k8s.api.apps.v1.Deployment"; options of requests are in the package of metadata, definitions of kinds in one of their own. */
export function schemaOf(apiVersion: string, kind: string): string | undefined {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const own = `io.k8s.api.${group.split(".")[0]}.${version}.${kind}`;
  const shared = `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`;
  const definition = `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}.${kind}`;
  const candidates = group === "apiextensions.k8s.io" ? [definition, shared] : [own, shared];
  return candidates.find((schema) => hasSchema(schema) && hasNumbers(schema));
}
