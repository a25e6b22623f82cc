/** Checks that many kinds share: names as field errors, labels, selectors, numbers. */
import { isDeepStrictEqual } from "node:util";
import type { LabelSelector } from "kubernetes-types/meta/v1";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { validateLabels } from "../metadata.ts";
import { checkLabelValue, checkPortName, checkPortNumber, checkQualifiedName } from "../names.ts";

/** The faults that a check of `names.ts` finds in a value, at a field. */
export function checked(field: string, value: unknown, faults: readonly string[]): FieldError[] {
  return faults.map((fault) => invalid(field, value, fault));
}

export const protocols = ["SCTP", "TCP", "UDP"] as const;

/** Required, and one of `allowed`. */
export function oneOf(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  if (!value) return [required(field)];
  return allowed.includes(value) ? [] : [notSupported(field, value, allowed)];
}

export function validateNonNegative(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(field, value, "must be greater than or equal to 0")] : [];
}

/** A number that is missing is 0. */
export function validatePortNumber(field: string, port = 0): FieldError[] {
  return checked(field, port, checkPortNumber(port));
}

/** A port number, or the name of a container's port. */
export function validatePortOrName(field: string, port: number | string = 0): FieldError[] {
  return typeof port === "number" ? validatePortNumber(field, port) : checked(field, port, checkPortName(port));
}

export function immutable(field: string, value: unknown, old: unknown): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalid(field, value, "field is immutable")];
}

export function validateLabelSelector(field: string, selector: LabelSelector): FieldError[] {
  const faults = validateLabels(selector.matchLabels, `${field}.matchLabels`);
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`;
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) {
        faults.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0) {
        faults.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else faults.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
    faults.push(...checked(`${path}.key`, key, checkQualifiedName(key)));
    for (const [at, value] of values.entries()) {
      faults.push(...checked(`${path}.values[${at}]`, value, checkLabelValue(value)));
    }
  }
  return faults;
}
