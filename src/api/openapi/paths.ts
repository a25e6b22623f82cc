/** The served paths of a kind, with the query parameters by which kubectl learns what the server can do. */
import { hasSchema } from "../schema-table.ts";
import {
  type Dialect,
  deleteOptionsSchema,
  type GroupVersionKind,
  listSchema,
  type Published,
  patchSchema,
  reference,
  statusSchema,
  subresourceSchemas,
} from "./schemas.ts";

type Place = "query" | "path";
type ParameterType = "string" | "boolean" | "integer";

/** Media types of object bodies, and of the four kinds of patches. */
const objectTypes = ["application/json", "application/yaml"];
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

const writeParameters = { dryRun: "string", fieldManager: "string", fieldValidation: "string" } as const;
const listParameters = {
  allowWatchBookmarks: "boolean",
  continue: "string",
  fieldSelector: "string",
  labelSelector: "string",
  limit: "integer",
  resourceVersion: "string",
  resourceVersionMatch: "string",
  sendInitialEvents: "boolean",
  timeoutSeconds: "integer",
  watch: "boolean",
} as const;
const deleteParameters = {
  dryRun: "string",
  gracePeriodSeconds: "integer",
  orphanDependents: "boolean",
  propagationPolicy: "string",
} as const;

interface Action {
  /** "list", "post", "get", … : the word of `x-kubernetes-action`. */
  readonly action: string;
  readonly parameters?: Readonly<Record<string, ParameterType>>;
  readonly body?: string;
  readonly answer: string;
  readonly gvk: GroupVersionKind;
  /** Media types of the body. */
  readonly consumes?: readonly string[];
}

function parameter(name: string, type: ParameterType, place: Place, dialect: Dialect): object {
  const required = place === "path" ? { required: true } : {};
  return dialect === "v3"
    ? { name, in: place, ...required, schema: { type, uniqueItems: true } }
    : { name, in: place, ...required, type, uniqueItems: true };
}

function request(body: string, action: string, dialect: Dialect, types: readonly string[]): object {
  const schema = { $ref: reference(body, dialect) };
  return {
    requestBody: {
      content: Object.fromEntries(types.map((type) => [type, { schema }])),
      required: action !== "delete",
    },
  };
}

function operation(
  { action, parameters = {}, body, answer, gvk, consumes = objectTypes }: Action,
  dialect: Dialect,
): object {
  const query: object[] = Object.entries(parameters).map(([name, type]) => parameter(name, type, "query", dialect));
  const schema = { $ref: reference(answer, dialect) };
  const extensions = { "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk };
  if (dialect === "v3") {
    const content = Object.fromEntries(objectTypes.map((type) => [type, { schema }]));
    return {
      parameters: query,
      ...(body ? request(body, action, dialect, consumes) : {}),
      responses: { 200: { description: "OK", content } },
      ...extensions,
    };
  }
  const bodyParameter = body
    ? [{ name: "body", in: "body", required: action !== "delete", schema: { $ref: reference(body, dialect) } }]
    : [];
  return {
    consumes,
    produces: objectTypes,
    parameters: [...bodyParameter, ...query],
    responses: { 200: { description: "OK", schema } },
    ...extensions,
  };
}

type PathItem = Readonly<Record<string, object>>;

/** Parameters in braces belong to the path as a whole. */
function pathItem(path: string, actions: Readonly<Record<string, Action>>, dialect: Dialect): [string, PathItem] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => parameter(name, "string", "path", dialect));
  const methods = Object.entries(actions).map(([method, action]) => [method, operation(action, dialect)] as const);
  return [
    path,
    { ...Object.fromEntries(methods), parameters: [...inPath, parameter("pretty", "string", "query", dialect)] },
  ];
}

function collectionActions({ schema, published }: Published, gvk: GroupVersionKind): Record<string, Action> {
  return {
    get: {
      action: "list",
      parameters: listParameters,
      answer: published || hasSchema(listSchema(schema)) ? listSchema(schema) : schema,
      gvk,
    },
    post: { action: "post", parameters: writeParameters, body: schema, answer: schema, gvk },
    delete: {
      action: "deletecollection",
      parameters: { ...listParameters, ...deleteParameters },
      body: deleteOptionsSchema,
      answer: statusSchema,
      gvk,
    },
  };
}

/** Read, replace and patch: the object's own verbs, and those of its status and scale. */
function itemActions(
  schema: string,
  gvk: GroupVersionKind,
  { published }: Partial<Published> = {},
): Record<string, Action> {
  return {
    get: { action: "get", answer: schema, gvk },
    put: { action: "put", parameters: writeParameters, body: schema, answer: schema, gvk },
    patch: {
      action: "patch",
      parameters: { ...writeParameters, force: "boolean" },
      body: patchSchema,
      // Custom resources say nothing of strategies; kubectl reads it here.
      consumes: published ? patchTypes.filter((type) => !type.includes("strategic")) : patchTypes,
      answer: schema,
      gvk,
    },
  };
}

function subresourcePaths(
  item: string,
  kind: Published,
  gvk: GroupVersionKind,
  dialect: Dialect,
): [string, PathItem][] {
  const { schema, status, subresources, parts = {} } = kind;
  const own = status ? [pathItem(`${item}/status`, itemActions(schema, gvk, kind), dialect)] : [];
  const others = subresources.flatMap((name): [string, PathItem][] => {
    if (parts[name]) return [pathItem(`${item}/${name}`, itemActions(schema, gvk, kind), dialect)];
    const below = subresourceSchemas[name];
    if (!below) return [];
    const { schema: type, ...belowGvk } = below;
    const post: Action = { action: "post", parameters: writeParameters, body: type, answer: type, gvk: belowGvk };
    return [pathItem(`${item}/${name}`, name === "scale" ? itemActions(type, belowGvk) : { post }, dialect)];
  });
  return [...own, ...others];
}

/** All paths of one kind, e.g. "/api/v1/namespaces/{namespace}/services/{name}/status". */
export function pathsOf(kind: Published, dialect: Dialect): [string, PathItem][] {
  const { group, version, plural, namespaced, schema } = kind;
  const gvk = { group, version, kind: kind.kind };
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const item = `${collection}/{name}`;
  const actions = collectionActions(kind, gvk);
  if (kind.createOnly) return actions.post ? [pathItem(collection, { post: actions.post }, dialect)] : [];
  const remove: Action = {
    action: "delete",
    parameters: deleteParameters,
    body: deleteOptionsSchema,
    answer: statusSchema,
    gvk,
  };
  return [
    ...(namespaced && actions.get ? [pathItem(`${root}/${plural}`, { get: actions.get }, dialect)] : []),
    pathItem(collection, actions, dialect),
    pathItem(item, { ...itemActions(schema, gvk, kind), delete: remove }, dialect),
    ...subresourcePaths(item, kind, gvk, dialect),
  ];
}
