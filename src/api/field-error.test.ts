import assert from "node:assert/strict";
import { test } from "node:test";
import * as fieldError from "./field-error.ts";

const cases = [
  [fieldError.invalid("a", "x", "must be y"), 'a: Invalid value: "x": must be y'],
  [fieldError.invalid("a[0].b", 99, ""), "a[0].b: Invalid value: 99"],
  [fieldError.invalid("a", ["x"], "no"), 'a: Invalid value: ["x"]: no'],
  [fieldError.required("spec.ports"), "spec.ports: Required value"],
  [fieldError.required("spec.ports", "must be set"), "spec.ports: Required value: must be set"],
  [fieldError.duplicate("a", "http"), 'a: Duplicate value: "http"'],
  [fieldError.notSupported("a", "Odd", ["A", "B"]), 'a: Unsupported value: "Odd": supported values: "A", "B"'],
  [fieldError.forbidden("a", "may not"), "a: Forbidden: may not"],
  [fieldError.tooLong("a", 10), "a: Too long: may not be more than 10 bytes"],
  [fieldError.tooMany("a", 3, 2), "a: Too many: 3: must have at most 2 items"],
  [fieldError.notFound("a", "x"), 'a: Not found: "x"'],
  [fieldError.internal("a", "broken"), "a: Internal error: broken"],
] as const;

for (const [error, want] of cases) {
  test(`formatFieldError() words ${error.reason}: ${want}`, () =>
    assert.equal(fieldError.formatFieldError(error), want));
}
