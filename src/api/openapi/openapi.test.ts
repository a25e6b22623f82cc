import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { isJsonObject, type JsonObject } from "../json.ts";
import { deployments, namespaces, services } from "../resource.ts";
import { schemaNames } from "../schema-table.ts";
import generated from "./descriptions.gen.json" with { type: "json" };
import { openapiDocuments, openapiV3 } from "./documents.ts";
import type { Published } from "./schemas.ts";

const kinds: readonly Published[] = [
  { ...services, schema: "io.k8s.api.core.v1.Service", status: true, subresources: [] },
  { ...namespaces, schema: "io.k8s.api.core.v1.Namespace", status: true, subresources: [] },
  { ...deployments, schema: "io.k8s.api.apps.v1.Deployment", status: true, subresources: ["scale"] },
];

/** The value below `path`, with "/" between the fields (which have dots in them). */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((below: unknown, field) => (isJsonObject(below) ? below[field] : undefined), value);
}

function references(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) references(item, found);
  if (isJsonObject(value)) {
    if (typeof value.$ref === "string") found.add(value.$ref);
    for (const item of Object.values(value)) references(item, found);
  }
  return found;
}

const descriptions: Readonly<Record<string, Readonly<Record<string, string>>>> = generated;
const documents = openapiDocuments(kinds);
const core: unknown = JSON.parse(documents.v3("api/v1") ?? "");
const v2: unknown = JSON.parse(documents.v2());

test("openapiDocuments() says where each document is, with the hash of its content", () => {
  const index: unknown = JSON.parse(documents.index());
  assert.deepEqual(Object.keys(at(index, "paths") as JsonObject), ["api/v1", "apis/apps/v1"]);
  assert.match(
    String(at(index, "paths", "apis/apps/v1", "serverRelativeURL")),
    /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{64}$/,
  );
  assert.equal(documents.v3("apis/odd/v1"), undefined);
  assert.equal(documents.v3("api/v1"), documents.v3("api/v1"));
  assert.equal(openapiV3("", "v1", kinds.slice(0, 2)), documents.v3("api/v1"));
});

test("documents refer only to schemas that they have", () => {
  for (const root of ["api/v1", "apis/apps/v1"]) {
    const document: unknown = JSON.parse(documents.v3(root) ?? "");
    for (const reference of references(document))
      assert.ok(at(document, "components", "schemas", reference.replace("#/components/schemas/", "")), reference);
  }
  for (const reference of references(v2))
    assert.ok(at(v2, "definitions", reference.replace("#/definitions/", "")), reference);
});

test("patches say that they take fieldValidation, and which media types", () => {
  const patch = at(core, "paths", "/api/v1/namespaces/{namespace}/services/{name}", "patch");
  const parameters = (at(patch, "parameters") as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(parameters, ["dryRun", "fieldManager", "fieldValidation", "force"]);
  assert.ok(at(patch, "requestBody", "content", "application/strategic-merge-patch+json"));
  assert.deepEqual(at(patch, "x-kubernetes-group-version-kind"), { group: "", version: "v1", kind: "Service" });
});

test("cluster-scoped kinds have no namespace in their paths", () => {
  const paths = Object.keys(at(core, "paths") as JsonObject).filter((path) => path.startsWith("/api/v1/namespaces"));
  assert.ok(paths.includes("/api/v1/namespaces/{name}/status"));
  assert.ok(!paths.includes("/api/v1/namespaces/{namespace}/namespaces"));
});

/** Both dialects, for the extensions that kubectl's three-way merge reads. */
for (const [dialect, document, root] of [
  ["v3", core, ["components", "schemas"]],
  ["v2", v2, ["definitions"]],
] as const) {
  test(`schemas in ${dialect} carry merge keys and required fields`, () => {
    const {
      items: _,
      description: _text,
      ...ports
    } = at(document, ...root, "io.k8s.api.core.v1.ServiceSpec", "properties", "ports") as JsonObject;
    assert.deepEqual(ports, {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      "x-kubernetes-patch-merge-key": "port",
      "x-kubernetes-patch-strategy": "merge",
    });
    assert.deepEqual(at(document, ...root, "io.k8s.api.core.v1.ServicePort", "required"), ["port"]);
    assert.deepEqual(at(document, ...root, "io.k8s.api.core.v1.Service", "x-kubernetes-group-version-kind"), [
      { group: "", version: "v1", kind: "Service" },
    ]);
  });
}

const published =
  process.env.FAIRLEAD_OPENAPI_DIR ?? new URL("../../../../shared/data/openapi", import.meta.url).pathname;
const skip = existsSync(published)
  ? false
  : `the published documents are not at ${published} (set FAIRLEAD_OPENAPI_DIR)`;

const extensions = [
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-patch-merge-key",
  "x-kubernetes-patch-strategy",
  "x-kubernetes-map-type",
];

/** Lists that the published documents say nothing of are atomic, which ours say. */
function fieldFacts(field: unknown): JsonObject {
  const facts = extensions.flatMap((name) => (at(field, name) === undefined ? [] : [[name, at(field, name)] as const]));
  const bare = at(field, "type") === "array" && facts.length === 0;
  return { ...(bare ? { "x-kubernetes-list-type": "atomic" } : Object.fromEntries(facts)), ...valueFacts(field) };
}

const empty = new Set(['""', "{}", "0", "false", "null"]);

/** Defaults that are not just empty, and the words that a field may hold. */
function valueFacts(field: unknown): JsonObject {
  const [value, words] = [at(field, "default"), at(field, "enum") ?? at(field, "items", "enum")];
  return {
    ...(value === undefined || empty.has(JSON.stringify(value)) ? {} : { default: value }),
    ...(words === undefined ? {} : { enum: words }),
  };
}

/** Without what the models lose of white space. */
const words = (text: unknown): string =>
  String(text ?? "")
    .replace(/\s+/g, " ")
    .trim();

function facts(schema: unknown): JsonObject {
  const fields = Object.entries((at(schema, "properties") ?? {}) as JsonObject);
  return {
    required: at(schema, "required") ?? [],
    atomic: at(schema, "x-kubernetes-map-type") ?? "",
    fields: Object.fromEntries(
      fields.map(([name, field]) => [name, { type: at(field, "type") ?? "reference", ...fieldFacts(field) }]),
    ),
  };
}

/** What the published documents that we have say nothing of. */
const withoutDocument = /\.(admissionregistration|node|scheduling|storage)\.v1\.|\.TopologySelector/;

test("the table of fields and merge facts is that of the published documents", { skip }, () => {
  const theirs: JsonObject = {};
  for (const file of readdirSync(published).filter((name) => name.endsWith(".json"))) {
    const document: unknown = JSON.parse(readFileSync(`${published}/${file}`, "utf8"));
    Object.assign(theirs, at(document, "components", "schemas"));
  }
  const everything = schemaNames().map(
    (schema): Published => ({ ...services, schema, status: false, subresources: [] }),
  );
  const ours = at(JSON.parse(openapiDocuments(everything).v3("api/v1") ?? ""), "components", "schemas") as JsonObject;
  for (const schema of schemaNames()) {
    if (withoutDocument.test(schema)) continue;
    // Wrapped scalars (times, quantities) are references there and inline here.
    const [mine, published] = [facts(ours[schema]), facts(theirs[schema])];
    for (const field of Object.values(published.fields as JsonObject))
      if (isJsonObject(field) && field.type === "reference") delete field.type;
    for (const [name, field] of Object.entries(mine.fields as JsonObject)) {
      if (isJsonObject(field) && at(published.fields, name, "type") === undefined) delete field.type;
    }
    assert.deepEqual(mine, published, schema);
  }
});

test("descriptions are those of the published documents, where the models have them", { skip }, () => {
  const files = readdirSync(published).filter((name) => name.endsWith(".json"));
  const [compared, different]: [string[], string[]] = [[], []];
  for (const file of files) {
    const schemas = at(JSON.parse(readFileSync(`${published}/${file}`, "utf8")), "components", "schemas") as JsonObject;
    for (const [schema, type] of Object.entries(schemas)) {
      for (const [field, theirs] of Object.entries((at(type, "properties") ?? {}) as JsonObject)) {
        const mine = descriptions[schema]?.[field];
        if (mine === undefined) continue;
        compared.push(`${schema}.${field}`);
        if (words(mine) !== words(at(theirs, "description"))) different.push(`${schema}.${field}`);
      }
    }
  }
  assert.ok(compared.length > 1000);
  // The models put a type's own text in place of a reference's.
  assert.ok(different.length < compared.length / 50, different.join("\n"));
});
