/** Kinds made at run time, of a CustomResourceDefinition: they flow through the same machinery as all others. */
import { isJsonObject, type JsonObject, jsonEqual } from "../json.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { CustomResourceDefinition, KubeObject } from "../object.ts";
import { compareVersions } from "../versions.ts";
import { columnsOf } from "./columns.ts";
import { schemaOf, storageVersion, type Version } from "./definition.ts";
import { defineCustomSchema } from "./field-types.ts";
import { fieldsOfPath, parsePath, valuesAt } from "./json-path.ts";
import type { JsonSchema } from "./json-schema.ts";
import { applyDefaults, prune } from "./prune.ts";
import { definitionsOf } from "./published.ts";
import { hasRules, testRules } from "./rules.ts";
import { validate } from "./validate-value.ts";

type CustomObject = KubeObject & { status?: unknown };

const asJson = (object: KubeObject): JsonObject => object as unknown as JsonObject;

/** "stable.example.com", "v1", "CronTab" → "com.example.stable.v1.CronTab". */
const schemaName = (group: string, version: string, kind: string): string =>
  [...group.split(".").reverse(), version, kind].join(".");

/** The root's own fields are checked by all kinds' machinery. */
function validatedPart(object: KubeObject): JsonObject {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = asJson(object);
  const { name, generateName } = metadata as { name?: string; generateName?: string };
  return { ...rest, metadata: { ...(name ? { name } : {}), ...(generateName ? { generateName } : {}) } };
}

/** Of the metadata, a schema may speak of the name only. */
function withoutTypeFields(schema: JsonSchema): JsonSchema {
  const { apiVersion: _version, kind: _kind, ...properties } = schema.properties ?? {};
  const required = schema.required?.filter((field) => field !== "apiVersion" && field !== "kind");
  return { ...schema, properties, ...(required ? { required } : {}) };
}

const rulesNotTested: FieldError = {
  reason: "FieldValueInvalid",
  field: "<nil>",
  detail:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

function rulesOf(schema: JsonSchema): Required<Pick<Kind, "validate" | "validateStatusUpdate">> {
  const own = withoutTypeFields(schema);
  const check = (object: KubeObject, old?: KubeObject): FieldError[] => {
    const value = validatedPart(object);
    const faults = validate(value, own, "");
    if (faults.length > 0) return hasRules(own) ? [...faults, rulesNotTested] : faults;
    return testRules(value, old && validatedPart(old), own);
  };
  return { validate: check, validateStatusUpdate: check };
}

/** With a status of its own, a change of it is no new generation. */
function raises(hasStatus: boolean): (object: KubeObject, old: KubeObject) => boolean {
  const spoken = ({ metadata: _metadata, status, ...rest }: CustomObject): object =>
    hasStatus ? rest : { ...rest, status };
  return (object, old) => !jsonEqual(spoken(object), spoken(old));
}

function scaleOf({ subresources }: Version): Kind["scalePaths"] | undefined {
  const scale = subresources?.scale;
  if (!scale) return undefined;
  const selector = scale.labelSelectorPath ? fieldsOfPath(scale.labelSelectorPath) : undefined;
  return {
    spec: fieldsOfPath(scale.specReplicasPath) ?? [],
    status: fieldsOfPath(scale.statusReplicasPath) ?? [],
    ...(selector ? { selector } : {}),
  };
}

function selectorsOf(version: Version): NonNullable<Kind["fieldSelectors"]> {
  const { selectableFields = [] } = version as { selectableFields?: readonly { jsonPath: string }[] };
  return Object.fromEntries(
    selectableFields.map(({ jsonPath }) => {
      const path = parsePath(jsonPath) ?? [];
      return [jsonPath.replace(/^\./, ""), (object: KubeObject) => String(valuesAt(object, path)[0] ?? "")];
    }),
  );
}

type Stored = NonNullable<Kind["stored"]>;
type Convert = NonNullable<Stored["convert"]>;

/** All versions are stored as the one that is named so; they differ in their name only, unless `convert` makes them. */
function storedAs(group: string, served: string, stored: string, convert?: Convert): Stored {
  const named = (version: string) => (object: KubeObject) => ({ ...object, apiVersion: `${group}/${version}` });
  return {
    group,
    fromStored: named(served),
    toStored: named(stored),
    ...(convert ? { convert, version: stored } : {}),
  };
}

/** What a webhook made is pruned, and has the defaults of its version, as if a user had written it. */
function pruning({ spec }: CustomResourceDefinition, convert: Convert | undefined): Convert | undefined {
  return (
    convert &&
    (async (objects, version) => {
      const made = spec.versions.find(({ name }) => name === version);
      const schema = made && schemaOf(made);
      const converted = await convert(objects, version);
      if (!schema) return converted;
      return converted.map((object) => {
        const { value } = prune(asJson(object), schema);
        applyDefaults(value as unknown as KubeObject, schema);
        return value as unknown as KubeObject;
      });
    })
  );
}

function deprecation({ deprecated, deprecationWarning }: Version, named: string): Pick<Kind, "deprecation"> {
  return deprecated ? { deprecation: deprecationWarning ?? `${named} is deprecated` } : {};
}

function kindOf(definition: CustomResourceDefinition, version: Version, convert?: Convert): Kind {
  const { group, names, scope, versions } = definition.spec;
  const schema = schemaOf(version);
  const hasStatus = version.subresources?.status !== undefined;
  const name = schemaName(group, version.name, names.kind);
  const listKind = names.listKind ?? `${names.kind}List`;
  const named = { group, version: version.name, kind: names.kind, listKind, schema: name };
  defineCustomSchema(name, schema);
  const scalePaths = scaleOf(version);
  const stored = versions.length > 1 || (definition.status?.storedVersions?.length ?? 0) > 1;
  return {
    ...named,
    plural: names.plural,
    namespaced: scope === "Namespaced",
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    status: hasStatus,
    statusKeeps: "all",
    plainFinalizers: true,
    needsRevision: true,
    subresources: scalePaths ? ["scale"] : [],
    decode: (value) => prune(value, schema),
    setDefaults: (object) => applyDefaults(object, schema),
    prepareForCreate(object) {
      if (hasStatus) delete (object as CustomObject).status;
      Object.assign(object.metadata, { generation: 1 });
    },
    ...rulesOf(schema),
    raisesGeneration: raises(hasStatus),
    columns: columnsOf(version.additionalPrinterColumns),
    published: (dialect) => definitionsOf(named, schema, dialect),
    ...(scalePaths ? { scalePaths } : {}),
    ...deprecation(version, `${group}/${version.name} ${names.kind}`),
    fieldSelectors: selectorsOf(version),
    ...(stored
      ? { stored: storedAs(group, version.name, storageVersion(definition), pruning(definition, convert)) }
      : {}),
    ...(definition.metadata.deletionTimestamp
      ? { closed: "create not allowed while custom resource definition is terminating" }
      : {}),
  };
}

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status: holds }) => type === "Established" && holds === "True") === true;

/** The kinds that an established definition serves, the preferred version first; none before. `convert`: by its webhook. */
export function customKinds(definition: CustomResourceDefinition, convert?: Convert): Kind[] {
  if (!isEstablished(definition)) return [];
  const served = definition.spec.versions.filter((version) => version.served && isJsonObject(version));
  return [...served]
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => kindOf(definition, version, convert));
}
