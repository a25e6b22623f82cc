/** A KubeProxyConfiguration file: read strictly, then leniently with a warning for each thing that was wrong; and written. */
import { isMap, parse, parseDocument, stringify } from "yaml";
import { fields, type Value } from "./fields.ts";
import { apiVersion, kind, plainDocument } from "./plain.ts";
import { type Values, valueOfDocument } from "./values.ts";

export interface Decoded {
  readonly values: Values;
  /** Each a sentence without its end. */
  readonly warnings: readonly string[];
}

const byPath = new Map(fields.map((field) => [field.path, field]));
const headers = new Set(["apiVersion", "kind", "metadata"]);
/** Kubernetes' own structure for logs has more fields than these two. */
const isForeign = (path: string): boolean => path === "logging" || path.startsWith("logging.");

/** Throws RangeError with one sentence for what cannot be used at all. */
export function decodeDocument(text: string): Decoded {
  const warnings: string[] = [];
  const document = readMapping(text, warnings);
  if (document.kind !== kind || document.apiVersion !== apiVersion) {
    const found = `${document.apiVersion ?? "no apiVersion"}, ${document.kind ?? "no kind"}`;
    throw new RangeError(`It must be a ${kind} of ${apiVersion}, and is "${found}"`);
  }
  const values = new Map<string, Value>();
  for (const [path, given] of leaves(document)) {
    const field = byPath.get(path);
    if (!field) {
      if (!isForeign(path)) warnings.push(`unknown field "${path}" is ignored`);
      continue;
    }
    const value = valueOfDocument(field, given);
    if (value !== undefined) values.set(path, value);
  }
  return { values, warnings };
}

function readMapping(text: string, warnings: string[]): Record<string, unknown> {
  const strict = parseDocument(text);
  for (const { code, message } of strict.errors) {
    const line = message.split("\n")[0]?.replace(/:$/, "");
    if (code !== "DUPLICATE_KEY") throw new RangeError(`It is no YAML (${line})`);
    warnings.push(`a field is given twice, the last one counts (${line})`);
  }
  if (!isMap(strict.contents)) throw new RangeError("It holds no mapping");
  return parse(text, { uniqueKeys: false }) as Record<string, unknown>;
}

/** What the table has a row for, or nothing below. */
function leaves(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const path = prefix + key;
    if (headers.has(path)) return [];
    const isInner = inner !== null && typeof inner === "object" && !Array.isArray(inner) && !byPath.has(path);
    return isInner
      ? leaves(inner, `${path}.`)
      : ([[path, isSection(path) && inner === null ? undefined : inner]].filter(([, given]) => given !== undefined) as [
          string,
          unknown,
        ][]);
  });
}

/** "ipvs: null" and the like say nothing. */
const isSection = (path: string): boolean => fields.some((field) => field.path.startsWith(`${path}.`));

/** The file that says what `values` and the defaults say. */
export function encodeDocument(values: Values): string {
  return stringify(plainDocument(values));
}
