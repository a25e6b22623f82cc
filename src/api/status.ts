/**
 * Every answer of the API that is no object: metav1.Status, with Kubernetes' reasons, codes and texts.
 * Machinery throws ApiFault; the HTTP edge sends `fault.status` with the code `fault.status.code`.
 * Source: Kubernetes API conventions, "Response Status Kind".
 */
import { formatFieldErrors } from "./field-error.ts";
import type { FieldError } from "./kind.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string };
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** A failure that the caller of the API is to read. */
export class ApiFault extends Error {
  readonly status: Status & { readonly code: number };
  /** Texts for `Warning: 299` headers beside the refusal. */
  warnings: readonly string[] = [];
  constructor(status: Status & { readonly code: number }) {
    super(status.message);
    this.status = status;
  }
}

/** Does the work; what a client is warned of it hears also when that is refused. */
export async function warned<T>(warnings: readonly string[], work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiFault) error.warnings = [...warnings, ...error.warnings];
    throw error;
  }
}

/** What a fault speaks of; a Resource fits. */
interface Target {
  readonly group: string;
  readonly plural: string;
}

/** "services", "deployments.apps". */
const qualified = (name: string, group: string): string => (group ? `${name}.${group}` : name);
const named = ({ group, plural }: Target, name: string): string =>
  `${qualified(plural, group)} ${JSON.stringify(name)}`;
const detailsOf = ({ group, plural }: Target, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(group ? { group } : {}),
  kind: plural,
});

interface Failure {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
  readonly continue?: string;
}

function fault({ code, reason, message, details, continue: token }: Failure): ApiFault {
  return new ApiFault({
    kind: "Status",
    apiVersion: "v1",
    metadata: token ? { continue: token } : {},
    status: "Failure",
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  });
}

/** The answer to a successful delete that leaves no object to show. */
export function success(target: Target, name: string, uid?: string): Status {
  const details = { ...detailsOf(target, name), ...(uid ? { uid } : {}) };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

/** `services "x" not found`. */
export function notFound(target: Target, name: string): ApiFault {
  return fault({
    code: 404,
    reason: "NotFound",
    message: `${named(target, name)} not found`,
    details: detailsOf(target, name),
  });
}

/** A path that leads nowhere. */
export function noSuchPath(why = "the server could not find the requested resource"): ApiFault {
  return fault({ code: 404, reason: "NotFound", message: why, details: {} });
}

/** `services "x" already exists`, or `object is being deleted: …`. */
export function alreadyExists(target: Target, name: string, { going = false } = {}): ApiFault {
  const message = `${going ? "object is being deleted: " : ""}${named(target, name)} already exists`;
  return fault({ code: 409, reason: "AlreadyExists", message, details: detailsOf(target, name) });
}

/** All tries of generateName met an existing object. */
export function generateNameConflict(target: Target, name: string): ApiFault {
  const message = `${named(target, name)} already exists, the server was not able to generate a unique name for the object`;
  return fault({
    code: 409,
    reason: "AlreadyExists",
    message,
    details: { ...detailsOf(target, name), retryAfterSeconds: 1 },
  });
}

const modified = "the object has been modified; please apply your changes to the latest version and try again";

/** `Operation cannot be fulfilled on services "x": the object has been modified; …`, or another cause. */
export function conflict(target: Target, name: string, cause: string = modified): ApiFault {
  const message = `Operation cannot be fulfilled on ${named(target, name)}: ${cause}`;
  return fault({ code: 409, reason: "Conflict", message, details: detailsOf(target, name) });
}

/** The uid of a written object is not that of the stored one. */
export function otherUid(target: Target, name: string, { asked, actual }: { asked: string; actual: string }): ApiFault {
  const cause = `Precondition failed: UID in precondition: ${asked}, UID in object meta: ${actual}`;
  return conflict(target, name, cause);
}

/** The uid or resourceVersion that a delete names is not the object's. */
export function preconditionFailed(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  what: "UID" | "ResourceVersion",
  { asked, actual }: { asked: string; actual: string },
): ApiFault {
  const end = what === "UID" ? "deleted and then recreated" : "modified";
  const cause = `the ${what} in the precondition (${asked}) does not match the ${what} in record (${actual}). The object might have been ${end}`;
  return conflict({ group, plural: kind }, name, cause);
}

/** Server-side apply met fields of others. */
export function applyConflict(causes: readonly StatusCause[], message: string): ApiFault {
  return fault({ code: 409, reason: "Conflict", message, details: { causes } });
}

/** `Service "x" is invalid: spec.ports: Required value`; several errors stand in brackets. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string | undefined,
  errors: readonly FieldError[],
): ApiFault {
  const causes = errors.map(({ reason, field, detail }) => ({ reason, message: detail, field }));
  const details = { ...(name ? { name } : {}), ...(kind.group ? { group: kind.group } : {}), kind: kind.kind, causes };
  const message = `${qualified(kind.kind, kind.group)} ${JSON.stringify(name ?? "")} is invalid: ${formatFieldErrors(errors)}`;
  return fault({ code: 422, reason: "Invalid", message, details });
}

/** A patch that is well formed and cannot be applied. */
export function unprocessable(message: string): ApiFault {
  return fault({ code: 422, reason: "Invalid", message, details: {} });
}

export function badRequest(message: string): ApiFault {
  return fault({ code: 400, reason: "BadRequest", message });
}

/** The body is JSON, but not this kind: wrong types (`errors`) or, with strict validation, unknown fields. */
export function cannotDecode(
  kind: { readonly version: string; readonly kind: string },
  { errors, unknown = [] }: { readonly errors: readonly string[]; readonly unknown?: readonly string[] },
): ApiFault {
  const cause = errors.length > 0 ? errors.join(", ") : `strict decoding error: ${unknown.join(", ")}`;
  return badRequest(
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${cause}`,
  );
}

/** `Unauthorized`: the request has no credentials that count. */
export function unauthorized(message = "Unauthorized"): ApiFault {
  return fault({ code: 401, reason: "Unauthorized", message });
}

/** `services "x" is forbidden: …`; with name "" it speaks of the whole collection. */
export function forbidden(target: Target, name: string, why: string): ApiFault {
  const what = name ? named(target, name) : qualified(target.plural, target.group);
  return fault({
    code: 403,
    reason: "Forbidden",
    message: `${what} is forbidden: ${why}`,
    details: detailsOf(target, name),
  });
}

/** Forbidden paths that are no resources, e.g. /metrics. */
export function forbiddenPath(message: string): ApiFault {
  return fault({ code: 403, reason: "Forbidden", message: `forbidden: ${message}`, details: {} });
}

/** A method that no verb stands for at that path. */
export function noSuchMethod(): ApiFault {
  const message = "the server does not allow this method on the requested resource";
  return fault({ code: 405, reason: "MethodNotAllowed", message, details: {} });
}

/** `delete is not supported on resources of kind "services"`. */
export function methodNotAllowed(target: Target, verb: string): ApiFault {
  const message = `${verb} is not supported on resources of kind ${JSON.stringify(qualified(target.plural, target.group))}`;
  return fault({ code: 405, reason: "MethodNotAllowed", message, details: detailsOf(target, "") });
}

export function notAcceptable(accepted: readonly string[]): ApiFault {
  const message = `only the following media types are accepted: ${accepted.join(", ")}`;
  return fault({ code: 406, reason: "NotAcceptable", message });
}

export function unsupportedMediaType(accepted: readonly string[]): ApiFault {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return fault({ code: 415, reason: "UnsupportedMediaType", message });
}

/** 410: a revision that is no longer kept. */
export function expired(message: string): ApiFault {
  return fault({ code: 410, reason: "Expired", message });
}

/** The answer to a watch or list from a compacted revision. */
export function resourceVersionTooOld(asked: number, oldest: number): ApiFault {
  return expired(`too old resource version: ${asked} (${oldest})`);
}

/** The answer to an old continue token; `token`, when given, goes on without consistency. */
export function continueExpired(token?: string): ApiFault {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter" +
    (token ? ", or use the continue token in this response to retrieve the remainder of the results." : ".");
  return fault({ code: 410, reason: "Expired", message, ...(token ? { continue: token } : {}) });
}

/** The resourceVersion that was asked for is newer than the store's. */
export function resourceVersionTooLarge(asked: number, current: number): ApiFault {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return fault({ code: 504, reason: "Timeout", message, details: { retryAfterSeconds: 1, causes } });
}

export function tooLarge(limitBytes: number): ApiFault {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return fault({ code: 413, reason: "RequestEntityTooLarge", message });
}

export function tooManyRequests(message: string, retryAfterSeconds: number): ApiFault {
  return fault({ code: 429, reason: "TooManyRequests", message, details: { retryAfterSeconds } });
}

/** An eviction that a disruption budget does not allow now. */
export function disruptionBudget(message: string, cause: string): ApiFault {
  const causes = [{ reason: "DisruptionBudget", message: cause }];
  return fault({ code: 429, reason: "TooManyRequests", message, details: { causes } });
}

/** `The create operation against services could not be completed at this time, please try again.` */
export function serverTimeout(target: Target, verb: string, retryAfterSeconds = 1): ApiFault {
  const message = `The ${verb} operation against ${qualified(target.plural, target.group)} could not be completed at this time, please try again.`;
  return fault({
    code: 500,
    reason: "ServerTimeout",
    message,
    details: { ...detailsOf(target, ""), retryAfterSeconds },
  });
}

export function serviceUnavailable(message: string, retryAfterSeconds = 1): ApiFault {
  return fault({ code: 503, reason: "ServiceUnavailable", message, details: { retryAfterSeconds } });
}

export function internalError(message: string): ApiFault {
  const details = { causes: [{ message }] };
  return fault({ code: 500, reason: "InternalError", message: `Internal error occurred: ${message}`, details });
}
