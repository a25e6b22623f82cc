import assert from "node:assert/strict";
import { test } from "node:test";
import { invalid as invalidField, required } from "./field-error.ts";
import { deployments, services } from "./resource.ts";
import * as status from "./status.ts";

const cases: readonly (readonly [fault: status.ApiFault, code: number, reason: string, message: string])[] = [
  [status.notFound(services, "x"), 404, "NotFound", 'services "x" not found'],
  [status.notFound(deployments, "x"), 404, "NotFound", 'deployments.apps "x" not found'],
  [status.noSuchPath(), 404, "NotFound", "the server could not find the requested resource"],
  [status.alreadyExists(services, "x"), 409, "AlreadyExists", 'services "x" already exists'],
  [
    status.conflict(services, "x"),
    409,
    "Conflict",
    'Operation cannot be fulfilled on services "x": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    status.preconditionFailed(services, "x", "UID", { asked: "1", actual: "2" }),
    409,
    "Conflict",
    'Operation cannot be fulfilled on Service "x": the UID in the precondition (1) does not match the UID in record (2). The object might have been deleted and then recreated',
  ],
  [
    status.invalid(services, "x", [required("spec.ports")]),
    422,
    "Invalid",
    'Service "x" is invalid: spec.ports: Required value',
  ],
  [
    status.invalid(deployments, "x", [required("a"), required("b"), required("a")]),
    422,
    "Invalid",
    'Deployment.apps "x" is invalid: [a: Required value, b: Required value]',
  ],
  [
    status.cannotDecode(services, { errors: [], unknown: ['unknown field "spec.foo"'] }),
    400,
    "BadRequest",
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.foo"',
  ],
  [status.unauthorized(), 401, "Unauthorized", "Unauthorized"],
  [status.forbidden(services, "x", "no"), 403, "Forbidden", 'services "x" is forbidden: no'],
  [status.forbidden(services, "", "no"), 403, "Forbidden", "services is forbidden: no"],
  [
    status.methodNotAllowed(services, "delete"),
    405,
    "MethodNotAllowed",
    'delete is not supported on resources of kind "services"',
  ],
  [status.notAcceptable(["a/b"]), 406, "NotAcceptable", "only the following media types are accepted: a/b"],
  [
    status.unsupportedMediaType(["a/b", "c/d"]),
    415,
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: a/b, c/d",
  ],
  [status.resourceVersionTooOld(1, 5), 410, "Expired", "too old resource version: 1 (5)"],
  [status.resourceVersionTooLarge(9, 5), 504, "Timeout", "Timeout: Too large resource version: 9, current: 5"],
  [status.tooLarge(3145728), 413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"],
  [
    status.serverTimeout(services, "create"),
    500,
    "ServerTimeout",
    "The create operation against services could not be completed at this time, please try again.",
  ],
  [status.internalError("broken"), 500, "InternalError", "Internal error occurred: broken"],
];

for (const [fault, code, reason, message] of cases) {
  test(`ApiFault says ${code} ${reason}: ${message.slice(0, 60)}`, () => {
    assert.equal(fault.message, message);
    assert.deepEqual(
      {
        code: fault.status.code,
        reason: fault.status.reason,
        message: fault.status.message,
        kind: fault.status.kind,
        status: fault.status.status,
      },
      { code, reason, message, kind: "Status", status: "Failure" },
    );
  });
}

test("invalid() lists a cause for each field", () => {
  assert.deepEqual(status.invalid(deployments, "x", [invalidField("a", 1, "no")]).status.details, {
    name: "x",
    group: "apps",
    kind: "Deployment",
    causes: [{ reason: "FieldValueInvalid", message: "Invalid value: 1: no", field: "a" }],
  });
});

test("continueExpired() hands the token back", () => {
  assert.deepEqual(status.continueExpired("abc").status.metadata, { continue: "abc" });
});
