/** Decoding of single values, as Kubernetes' API types take and write them. */
import { cloneJson, jsonTypeName } from "./json.ts";
import { parseQuantity, quantityPattern } from "./quantity.ts";
import type { Scalar } from "./schema-table.ts";

/** The value to keep, or what is wrong with it. */
export type Decoded = { readonly value: unknown } | { readonly mismatch: string } | { readonly fault: string };

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

const goNames: Readonly<Record<Scalar, string>> = {
  string: "string",
  boolean: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  time: "v1.Time",
  microtime: "v1.MicroTime",
  bytes: "[]uint8",
  intOrString: "int32",
  quantity: "resource.Quantity",
  any: "object",
};

export function goName(scalar: Scalar): string {
  return goNames[scalar];
}

/** Timestamps are kept in UTC: with whole seconds (Time) or six decimals (MicroTime). */
function decodeTime(text: string, decimals: 0 | 6): Decoded {
  const match = rfc3339.exec(text);
  const at = Date.parse(text.toUpperCase());
  if (!match || Number.isNaN(at)) {
    return { fault: `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse it as a time` };
  }
  const seconds = new Date(at).toISOString().slice(0, 19);
  const fraction = (match[3] ?? ".").slice(1, 1 + decimals).padEnd(decimals, "0");
  return { value: decimals ? `${seconds}.${fraction}Z` : `${seconds}Z` };
}

function decodeBytes(text: string): Decoded {
  const clean = text.replace(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/=]/.exec(clean)?.index ?? clean.replace(/=+$/, "").search("=");
  if (bad >= 0 || clean.length % 4 !== 0)
    return { fault: `illegal base64 data at input byte ${bad >= 0 ? bad : clean.length}` };
  return { value: clean };
}

function decodeInteger(value: unknown, min: number, max: number): Decoded {
  if (typeof value !== "number") return { mismatch: jsonTypeName(value) };
  if (!Number.isInteger(value) || value < min || value > max) return { mismatch: `number ${value}` };
  return { value };
}

function decodeText(value: unknown, decode: (text: string) => Decoded): Decoded {
  return typeof value === "string" ? decode(value) : { mismatch: jsonTypeName(value) };
}

const decoders: Readonly<Record<Scalar, (value: unknown) => Decoded>> = {
  any: (value) => ({ value: cloneJson(value) }),
  string: (value) => decodeText(value, (text) => ({ value: text })),
  boolean: (value) => (typeof value === "boolean" ? { value } : { mismatch: jsonTypeName(value) }),
  double: (value) => (typeof value === "number" ? { value } : { mismatch: jsonTypeName(value) }),
  int32: (value) => decodeInteger(value, -(2 ** 31), 2 ** 31 - 1),
  int64: (value) => decodeInteger(value, -(2 ** 63), 2 ** 63),
  time: (value) => decodeText(value, (text) => decodeTime(text, 0)),
  microtime: (value) => decodeText(value, (text) => decodeTime(text, 6)),
  bytes: (value) => decodeText(value, decodeBytes),
  intOrString: (value) => (typeof value === "string" ? { value } : decodeInteger(value, -(2 ** 31), 2 ** 31 - 1)),
  quantity: (value) => {
    if (typeof value !== "string" && typeof value !== "number") return { mismatch: jsonTypeName(value) };
    const quantity = parseQuantity(String(value));
    if (!quantity) return { fault: `quantities must match the regular expression '${quantityPattern}'` };
    return { value: quantity.canonical };
  },
};

export function decodeScalar(scalar: Scalar, value: unknown): Decoded {
  return decoders[scalar](value);
}

/** What an empty (null) item of a list or value of a map stands for. */
export function zeroOf(scalar: Scalar): unknown {
  if (scalar === "boolean") return false;
  if (scalar === "any" || scalar === "time" || scalar === "microtime") return null;
  return scalar === "string" || scalar === "bytes" ? "" : 0;
}
