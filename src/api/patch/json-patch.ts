/** JSON Patch (RFC 6902). */
import { cloneJson, isJsonObject, jsonEqual, setField } from "../json.ts";
import { badRequest, tooLarge, unprocessable } from "../status.ts";

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const operations = new Set(["add", "remove", "replace", "move", "copy", "test"]);
/** As many as Kubernetes takes in one request. */
const maxOperations = 10_000;
/** As many bytes of copies as Kubernetes makes for one request. */
const maxCopyBytes = 3 * 1024 * 1024;

/** RFC 6901: "/a~1b/0" → ["a/b", "0"]. */
function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw unprocessable(`JSON pointer ${JSON.stringify(pointer)} must start with "/"`);
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
}

function indexIn(list: readonly unknown[], part: string, end: number): number | undefined {
  const index = /^(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  return index < end || (index === end && end > list.length - 1) ? index : undefined;
}

function child(value: unknown, part: string): { readonly value: unknown } | undefined {
  if (Array.isArray(value)) {
    const index = indexIn(value, part, value.length);
    return index !== undefined && index < value.length ? { value: value[index] } : undefined;
  }
  return isJsonObject(value) && Object.hasOwn(value, part) ? { value: value[part] } : undefined;
}

function read(document: unknown, pointer: string, op: string): unknown {
  let value = document;
  for (const part of parsePointer(pointer)) {
    const next = child(value, part);
    if (!next)
      throw unprocessable(
        `${op} operation does not apply: doc is missing path: ${JSON.stringify(pointer)}: missing value`,
      );
    value = next.value;
  }
  return value;
}

/** Everything but the last part of the pointer, and that. */
function splitPointer(pointer: string): { readonly parent: string; readonly last: string } {
  const at = pointer.lastIndexOf("/");
  return { parent: pointer.slice(0, at), last: parsePointer(pointer).at(-1) ?? "" };
}

function add(document: unknown, pointer: string, value: unknown): unknown {
  if (pointer === "") return value;
  const { parent, last } = splitPointer(pointer);
  const container = read(document, parent, "add");
  if (Array.isArray(container)) {
    const index = last === "-" ? container.length : indexIn(container, last, container.length);
    if (index === undefined)
      throw unprocessable(`add operation does not apply: index ${last} of ${JSON.stringify(parent)} is out of bounds`);
    container.splice(index, 0, value);
  } else if (isJsonObject(container)) setField(container, last, value);
  else throw unprocessable(`add operation does not apply: ${JSON.stringify(parent)} holds no fields`);
  return document;
}

function remove(document: unknown, pointer: string, op: string): unknown {
  read(document, pointer, op);
  if (pointer === "") return null;
  const { parent, last } = splitPointer(pointer);
  const container = read(document, parent, op);
  if (Array.isArray(container)) container.splice(Number(last), 1);
  else if (isJsonObject(container)) delete container[last];
  return document;
}

function replace(document: unknown, pointer: string, value: unknown): unknown {
  read(document, pointer, "replace");
  if (pointer === "") return value;
  const { parent, last } = splitPointer(pointer);
  const container = read(document, parent, "replace");
  if (Array.isArray(container)) container[Number(last)] = value;
  else if (isJsonObject(container)) setField(container, last, value);
  return document;
}

/** What is left for copies of one patch: without a limit a few of them would fill the memory, each doubling the last. */
interface Budget {
  bytes: number;
}

function copied(document: unknown, from: string, budget: Budget): unknown {
  const value = read(document, from, "copy");
  budget.bytes -= Buffer.byteLength(JSON.stringify(value));
  if (budget.bytes < 0) throw tooLarge(maxCopyBytes);
  return cloneJson(value);
}

function perform(document: unknown, { op, path, from = "", value }: Operation, budget: Budget): unknown {
  switch (op) {
    case "add":
      return add(document, path, cloneJson(value));
    case "remove":
      return remove(document, path, op);
    case "replace":
      return replace(document, path, cloneJson(value));
    case "copy":
      return add(document, path, copied(document, from, budget));
    case "move": {
      if (path.startsWith(`${from}/`))
        throw unprocessable(`move operation does not apply: ${JSON.stringify(path)} is inside ${JSON.stringify(from)}`);
      const moved = read(document, from, op);
      return add(remove(document, from, op), path, moved);
    }
    default:
      if (!jsonEqual(read(document, path, op), value)) throw unprocessable(`testing value ${path} failed: test failed`);
      return document;
  }
}

function isOperation(value: unknown): value is Operation & Record<string, unknown> {
  return (
    isJsonObject(value) && typeof value.op === "string" && operations.has(value.op) && typeof value.path === "string"
  );
}

function checkOperation(value: unknown, index: number): Operation {
  if (!isOperation(value))
    throw unprocessable(
      `JSON patch operation ${index} must have a "path" and one of the "op"s ${[...operations].join(", ")}`,
    );
  const { op } = value;
  if ((op === "move" || op === "copy") && typeof value.from !== "string")
    throw badRequest(`JSON patch operation ${index} (${op}) must have "from"`);
  if ((op === "add" || op === "replace" || op === "test") && value.value === undefined) {
    throw badRequest(`JSON patch operation ${index} (${op}) must have "value"`);
  }
  return value;
}

/** The patched copy. Throws ApiFault: 400 for what is no patch, 422 for one that does not apply. */
export function jsonPatch(original: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch must be a list of operations");
  if (patch.length > maxOperations) {
    throw badRequest(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  }
  const budget = { bytes: maxCopyBytes };
  const step = (document: unknown, operation: Operation): unknown => perform(document, operation, budget);
  return patch.map(checkOperation).reduce(step, cloneJson(original));
}
