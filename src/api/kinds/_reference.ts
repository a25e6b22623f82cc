/** References to other objects by kind or resource, whose parts need only fit into URL paths. */
import { required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsSubdomain, checkPathSegment } from "../names.ts";
import { checked } from "./_check.ts";

/** A part that must be there, such as a kind or a name. */
export function validateSegment(field: string, value: string | undefined): FieldError[] {
  return value ? checked(field, value, checkPathSegment(value)) : [required(field)];
}

export function validateApiGroup(field: string, group: string | undefined): FieldError[] {
  return group === undefined ? [] : checked(field, group, checkDnsSubdomain(group));
}
