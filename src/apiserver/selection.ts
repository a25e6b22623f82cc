/** Which objects of a collection a request is about: label and field selectors together. */
import { checkFieldSelector, demandedValue, matchesFields, parseFieldSelector } from "../api/field-selectors.ts";
import type { Kind } from "../api/kind.ts";
import { type LabelSelector, matches, parseLabelSelector } from "../api/selectors.ts";
import type { Entry } from "../store/store.ts";
import type { StoredObject } from "./codec.ts";
import { shownObject } from "./stored-form.ts";

export interface Selection {
  /** True: there is nothing to check. */
  readonly all: boolean;
  /** The only name that can match; undefined: any. */
  readonly name: string | undefined;
  matches(object: StoredObject): boolean;
  matchesEntry(entry: Entry): boolean;
}

const everything: Selection = { all: true, name: undefined, matches: () => true, matchesEntry: () => true };

/** Throws ApiFault (400) for a selector that cannot be read, or a field that the kind does not offer. */
export function selectionOf(
  kind: Kind,
  { labelSelector, fieldSelector }: { labelSelector: string; fieldSelector: string },
): Selection {
  if (!labelSelector && !fieldSelector) return everything;
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector);
  checkFieldSelector(fields, kind);
  const test = (object: StoredObject): boolean =>
    matchesFields(fields, kind, object) && matches(labels, object.metadata.labels ?? {});
  const named = keysAlone(labels, fields);
  const ofNone = matches(labels, {});
  return {
    all: false,
    name: demandedValue(fields, "metadata.name"),
    matches: test,
    matchesEntry: (entry) =>
      named?.every((key) => !entry.value.includes(key)) ? ofNone : test(shownObject(kind, entry.value)),
  };
}

/**
 * An object whose bytes do not hold the key has no such label (a key has no character that JSON escapes): most of those that
 * "!key" is asked about need not be parsed. Undefined: the fields count too, or there is nothing to look for.
 */
function keysAlone(labels: LabelSelector, fields: readonly unknown[]): readonly Buffer[] | undefined {
  if (labels === "nothing" || labels.length === 0 || fields.length > 0) return undefined;
  return labels.map(({ key }) => Buffer.from(key));
}
