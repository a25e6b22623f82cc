/** Rules of key-value data, which ConfigMaps and Secrets share. */
import { isDeepStrictEqual } from "node:util";
import { forbidden, invalid, tooLong } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkConfigKey } from "../names.ts";

const maxBytes = 1024 * 1024;

type Data = Readonly<Record<string, string>>;

export function validateKeys(field: string, data: Data): FieldError[] {
  return Object.keys(data).flatMap((key) =>
    checkConfigKey(key).map((fault) => invalid(`${field}[${key}]`, key, fault)),
  );
}

/** Faults of the size of all values together. */
export function validateSize(field: string, plain: Data, base64: Data): FieldError[] {
  const plainBytes = Object.values(plain).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  const bytes = Object.values(base64).reduce((sum, value) => sum + Buffer.byteLength(value, "base64"), plainBytes);
  return bytes > maxBytes ? [tooLong(field, maxBytes)] : [];
}

interface Sealable {
  readonly immutable?: boolean;
  readonly data?: Data;
  readonly binaryData?: Data;
}

/** Once `immutable` is set, it stays, and so does the data. */
export function validateSealed(object: Sealable, old: Sealable): FieldError[] {
  if (!old.immutable) return [];
  const detail = "field is immutable when `immutable` is set";
  const faults = object.immutable ? [] : [forbidden("immutable", detail)];
  for (const field of ["data", "binaryData"] as const) {
    if (!isDeepStrictEqual(object[field] ?? {}, old[field] ?? {})) faults.push(forbidden(field, detail));
  }
  return faults;
}
