/**
 * The OpenAPI v2 document in the protobuf form, the only one in which kubectl reads it (for `kind: List` and in older versions).
 * Field numbers: openapi.v2 of the published gnostic models (OpenAPIv2.proto).
 */

/** The answer's type; the "@" of the type that clients ask for may not stand in one. */
export const openapiProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

type Json = Readonly<Record<string, unknown>>;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** A field of bytes: a text, or a message that is encoded already. */
function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

const text = (field: number, value: unknown): Buffer =>
  typeof value === "string" && value !== "" ? bytes(field, Buffer.from(value)) : Buffer.alloc(0);

const flag = (field: number, value: unknown): Buffer =>
  value === true ? Buffer.concat([varint(field * 8), varint(1)]) : Buffer.alloc(0);

const texts = (field: number, values: unknown): Buffer =>
  Buffer.concat(Array.isArray(values) ? values.map((value) => bytes(field, Buffer.from(String(value)))) : []);

const asObject = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

const present = (field: number, value: unknown, encode: (value: Json) => Buffer): Buffer =>
  value === undefined ? Buffer.alloc(0) : bytes(field, encode(asObject(value)));

/** NamedX { 1: name, 2: value } for each entry. */
function named(field: number, entries: unknown, encode: (value: Json) => Buffer): Buffer {
  const parts = Object.entries(asObject(entries)).map(([name, value]) =>
    bytes(field, Buffer.concat([text(1, name), bytes(2, encode(asObject(value)))])),
  );
  return Buffer.concat(parts);
}

/** Fields "x-…", each as NamedAny with its value as YAML (JSON is YAML). */
function extensions(field: number, object: Json): Buffer {
  const own = Object.entries(object).filter(([name]) => name.startsWith("x-"));
  const parts = own.map(([name, value]) =>
    bytes(field, Buffer.concat([text(1, name), bytes(2, text(2, JSON.stringify(value)))])),
  );
  return Buffer.concat(parts);
}

function schema(value: Json): Buffer {
  const types = Array.isArray(value.type) ? value.type : value.type === undefined ? [] : [value.type];
  const allOf = Array.isArray(value.allOf) ? value.allOf : [];
  return Buffer.concat([
    text(1, value.$ref),
    text(2, value.format),
    text(3, value.title),
    text(4, value.description),
    texts(19, value.required),
    present(21, value.additionalProperties, (inner) => bytes(1, schema(inner))),
    types.length > 0 ? bytes(22, texts(1, types)) : Buffer.alloc(0),
    present(23, value.items, (inner) => bytes(1, schema(inner))),
    ...allOf.map((inner) => bytes(24, schema(asObject(inner)))),
    present(25, value.properties, () => named(1, value.properties, schema)),
    extensions(31, value),
  ]);
}

/** Where each field stands differs with the parameter's place. */
function parameter(value: Json): Buffer {
  if (value.in === "body") {
    const body = [text(1, value.description), text(2, value.name), text(3, value.in), flag(4, value.required)];
    return bytes(1, Buffer.concat([...body, present(5, value.schema, schema)]));
  }
  const head = [flag(1, value.required), text(2, value.in), text(3, value.description), text(4, value.name)];
  const path = value.in === "path";
  const type = text(path ? 5 : 6, value.type);
  return bytes(2, bytes(path ? 4 : 3, Buffer.concat([...head, type])));
}

const parameters = (field: number, values: unknown): Buffer =>
  Buffer.concat(
    (Array.isArray(values) ? values : []).map((value) => bytes(field, bytes(1, parameter(asObject(value))))),
  );

function response(value: Json): Buffer {
  const body = [text(1, value.description), present(2, value.schema, (inner) => bytes(1, schema(inner)))];
  return bytes(1, Buffer.concat(body));
}

function operation(value: Json): Buffer {
  return Buffer.concat([
    text(3, value.description),
    text(5, value.operationId),
    texts(6, value.produces),
    texts(7, value.consumes),
    parameters(8, value.parameters),
    present(9, value.responses, () => named(1, value.responses, response)),
    extensions(13, value),
  ]);
}

function pathItem(value: Json): Buffer {
  const methods = ["get", "put", "post", "delete", "options", "head", "patch"];
  const parts = methods.map((method, index) => present(index + 2, value[method], operation));
  return Buffer.concat([...parts, parameters(9, value.parameters)]);
}

/** `document`: the OpenAPI v2 document as JSON text. */
export function encodeOpenapi(document: string): Buffer {
  const { swagger, info, paths, definitions } = JSON.parse(document) as Json;
  const { title, version } = asObject(info);
  return Buffer.concat([
    text(1, swagger),
    bytes(2, Buffer.concat([text(1, title), text(2, version)])),
    bytes(8, named(2, paths, pathItem)),
    bytes(9, named(1, definitions, schema)),
  ]);
}
