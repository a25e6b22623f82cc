/** A request's body as an object of the kind that the URL names. */

import { isDeeperThan } from "../api/json.ts";
import { duplicateFields } from "../api/json-duplicates.ts";
import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { decode, lostIndentation } from "../api/schema.ts";
import { badRequest, cannotDecode, unsupportedMediaType } from "../api/status.ts";
import { parseBody } from "./body.ts";
import type { StoredObject } from "./codec.ts";
import type { ApiRequest } from "./request.ts";
import type { WriteOptions } from "./write-options.ts";

type Validation = Pick<WriteOptions, "fieldValidation">;

export interface Decoded {
  readonly object: StoredObject;
  readonly warnings: readonly string[];
}

const protobufType = "application/vnd.kubernetes.protobuf";
const bodyTypes = ["application/json", "application/yaml", protobufType];

async function parseProtobuf(body: Buffer): Promise<unknown> {
  const { decodeProtobuf } = await import("./protobuf/decode.ts");
  try {
    return decodeProtobuf(body);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badRequest(`Cannot read the request: the body is no valid protobuf: ${reason}`);
  }
}

/** Content type without parameters; an absent one counts as JSON. */
export const mediaType = (contentType: string): string =>
  contentType.split(";")[0]?.trim().toLowerCase() || "application/json";

/** Deeper than any object is, and far from the end of the stack. */
const maxLevels = 500;

function shallow<T>(value: T): T {
  if (isDeeperThan(value, maxLevels)) {
    throw badRequest(
      `Cannot read the request: the body must not nest lists and objects in more than ${maxLevels} levels`,
    );
  }
  return value;
}

/** The body as plain data. Throws ApiFault: 415 for other formats, 400 with one sentence for broken text. */
export async function parseRequestBody(
  { contentType, body }: ApiRequest,
  accepted: readonly string[] = bodyTypes,
): Promise<unknown> {
  const type = mediaType(contentType);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  if (type === protobufType) return parseProtobuf(body);
  const parsed = await parseBody(body, { yaml: type.endsWith("yaml") });
  if (!parsed.ok) throw badRequest(`Cannot read the request: ${parsed.reason}`);
  return shallow(parsed.value);
}

/** What the body of a JSON request names twice; other formats refuse that, or can not do it. */
export function duplicatesIn(
  { contentType, body }: ApiRequest,
  value: unknown,
  { fieldValidation }: Validation,
): string[] {
  const type = mediaType(contentType);
  const isJson = type.endsWith("json") || (type.endsWith("yaml") && body[0] === 0x7b);
  return isJson && fieldValidation !== "Ignore" ? duplicateFields(body.toString(), value) : [];
}

/** The body as an object of the request's kind. */
export async function decodeBody(
  request: ApiRequest,
  options: Validation,
  accepted?: readonly string[],
): Promise<Decoded> {
  const value = await parseRequestBody(request, accepted);
  return decodeObject(value, request.kind, options, duplicatesIn(request, value, options));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checkType(value: Record<string, unknown>, kind: Kind): void {
  const { apiVersion, kind: name } = value;
  if (typeof name !== "string" || typeof apiVersion !== "string" || !name || !apiVersion) {
    const missing = typeof name !== "string" || !name ? "kind" : "apiVersion";
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): field "${missing}" is missing`,
    );
  }
  if (name !== kind.kind) {
    throw badRequest(`${name} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${kind.kind}`);
  }
  if (apiVersion !== apiVersionOf(kind)) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`,
    );
  }
}

function withTypeMeta(
  { apiVersion, kind: name, ...rest }: Record<string, unknown>,
  kind: Kind,
): Record<string, unknown> {
  return { apiVersion: apiVersion || apiVersionOf(kind), kind: name || kind.kind, ...rest };
}

/** Decodes plain data against the kind's published fields. Throws ApiFault (400). */
export function decodeObject(
  value: unknown,
  kind: Kind,
  { fieldValidation }: Validation,
  duplicates: readonly string[] = [],
): Decoded {
  shallow(value);
  if (!isObject(value)) throw badRequest(`Cannot read the request: the body must be one object of kind ${kind.kind}`);
  // The path says what is missing; custom kinds have no other place where it is written.
  const named = kind.decode ? value : withTypeMeta(value, kind);
  checkType(named, kind);
  const lost = lostIndentation(named, kind.schema);
  if (lost) throw badRequest(lost);
  const { value: decoded, unknown: undeclared, errors } = kind.decode?.(value) ?? decode(kind.schema, named);
  const unknown = [...duplicates, ...undeclared];
  if (errors.length > 0) throw cannotDecode(kind, { errors });
  if (fieldValidation === "Strict" && unknown.length > 0) throw cannotDecode(kind, { errors: [], unknown });
  const object = decoded as unknown as StoredObject;
  object.metadata ??= { name: "" };
  return { object, warnings: fieldValidation === "Warn" ? unknown : [] };
}
