/** Faults of one field, worded as Kubernetes words them. Source: the texts of the public API's `Status.details.causes`. */
import type { FieldError } from "./kind.ts";

/** Strings are quoted, numbers and booleans bare, everything else is JSON; what is missing is an empty string. */
function shown(value: unknown): string {
  return JSON.stringify(value) ?? `""`;
}

function withDetail(start: string, detail: string): string {
  return detail ? `${start}: ${detail}` : start;
}

/** `spec.ports[0].nodePort: Invalid value: 99: must be between 1 and 65535, inclusive`. */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: "FieldValueInvalid", field, detail: withDetail(`Invalid value: ${shown(value)}`, detail) };
}

/** `spec.ports: Required value`. */
export function required(field: string, detail = ""): FieldError {
  return { reason: "FieldValueRequired", field, detail: withDetail("Required value", detail) };
}

/** `spec.ports[1].name: Duplicate value: "http"`. */
export function duplicate(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, detail: `Duplicate value: ${shown(value)}` };
}

/** `spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "NodePort"`; `allowed` is printed in its order. */
export function notSupported(field: string, value: unknown, allowed: readonly string[]): FieldError {
  const values = allowed.length > 0 ? `supported values: ${allowed.map(shown).join(", ")}` : "";
  return { reason: "FieldValueNotSupported", field, detail: withDetail(`Unsupported value: ${shown(value)}`, values) };
}

/** `spec.clusterIP: Forbidden: may not be used when …`. */
export function forbidden(field: string, detail: string): FieldError {
  return { reason: "FieldValueForbidden", field, detail: withDetail("Forbidden", detail) };
}

/** `metadata.annotations: Too long: may not be more than 262144 bytes`. */
export function tooLong(field: string, maxBytes: number): FieldError {
  const limit =
    maxBytes < 0 ? "value is too long" : `may not be more than ${maxBytes} ${maxBytes === 1 ? "byte" : "bytes"}`;
  return { reason: "FieldValueTooLong", field, detail: `Too long: ${limit}` };
}

/** `spec.clusterIPs: Too many: 3: must have at most 2 items`. */
export function tooMany(field: string, actual: number, max: number): FieldError {
  const items = max === 1 ? "item" : "items";
  return { reason: "FieldValueTooMany", field, detail: `Too many: ${actual}: must have at most ${max} ${items}` };
}

/** `spec.containers[0].volumeMounts[0].name: Not found: "data"`. */
export function notFound(field: string, value: unknown): FieldError {
  return { reason: "FieldValueNotFound", field, detail: `Not found: ${shown(value)}` };
}

/** A fault of the server, met while it looked at the field. */
export function internal(field: string, message: string): FieldError {
  return { reason: "InternalError", field, detail: `Internal error: ${message}` };
}

/** `spec.ports: Required value`: the sentence that users read. */
export function formatFieldError({ field, detail }: FieldError): string {
  return `${field}: ${detail}`;
}

/** One sentence as it is, several in brackets; equal ones once. */
export function formatFieldErrors(errors: readonly FieldError[]): string {
  const [first = "", ...rest] = new Set(errors.map(formatFieldError));
  return rest.length > 0 ? `[${[first, ...rest].join(", ")}]` : first;
}
