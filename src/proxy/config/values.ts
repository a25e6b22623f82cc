/** Texts, and what YAML makes of them → values of fields; throws RangeError with one sentence. */
import { isDeepStrictEqual } from "node:util";
import { parseDurationMs } from "../../lib/duration.ts";
import { type Field, fields, type Kind, type Value } from "./fields.ts";

/** By path; what is not there has its default. */
export type Values = ReadonlyMap<string, Value>;

const nouns: Readonly<Record<Kind, string>> = {
  text: "a text",
  list: "a list of texts",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  duration: "a duration such as 30s",
  address: "an address with a port such as 0.0.0.0:10256",
  gates: "a mapping",
};

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false };
const split = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

/** "A=true,B=false". */
function parseGates(text: string): Value | undefined {
  const pairs = split(text).map((pair) => pair.split("="));
  if (!pairs.every(([name, value]) => name && value !== undefined && value in booleans)) return undefined;
  return Object.fromEntries(pairs.map(([name = "", value = ""]) => [name, booleans[value] as boolean]));
}

const parsers: Readonly<Record<Kind, (text: string) => Value | undefined>> = {
  text: (text) => text,
  address: (text) => text,
  list: split,
  boolean: (text) => booleans[text],
  integer: (text) => (/^-?\d+$/.test(text) ? Number(text) : undefined),
  number: (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
  duration: parseDurationMs,
  gates: parseGates,
};

function faultOf({ kind }: Field, name: string, text: string): RangeError {
  return new RangeError(`Cannot use ${name} "${text}": it must be ${nouns[kind]}`);
}

/** `name` is how the user called it, e.g. "--masquerade-all". */
export function valueOfText(field: Field, name: string, text: string): Value {
  const value = parsers[field.kind](text);
  if (value === undefined) throw faultOf(field, name, text);
  return value;
}

const isList = (given: unknown): given is readonly string[] =>
  Array.isArray(given) && given.every((one) => typeof one === "string");
const isMapping = (given: unknown): boolean => given !== null && typeof given === "object" && !Array.isArray(given);

/** Undefined: it stands for the default. */
export function valueOfDocument(field: Field, given: unknown): Value | undefined {
  if (given === null || given === undefined || given === "") return undefined;
  if (field.kind === "list" && isList(given)) return given.length > 0 ? given : undefined;
  if (field.kind === "gates" && isMapping(given)) {
    const says = !field.unused || Object.values(given as object).some(Boolean);
    return says ? (given as Value) : undefined;
  }
  if (typeof given === "object") throw faultOf(field, field.path, JSON.stringify(given));
  const value = valueOfText(field, field.path, String(given));
  return value === 0 && field.zeroIsDefault ? undefined : value;
}

/** A sentence for each field that is set and does nothing. */
export function unusedWarnings(values: Values): string[] {
  return fields.flatMap(({ path, unused, default: fallback }) =>
    unused && values.has(path) && !isDeepStrictEqual(values.get(path), fallback)
      ? [`${path} has no effect: ${unused}`]
      : [],
  );
}
