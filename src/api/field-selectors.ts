/** Field selectors: `metadata.name=web,status.phase!=Running`. Source: Kubernetes "Field Selectors". */
import type { Kind } from "./kind.ts";
import type { KubeObject } from "./object.ts";
import { badRequest } from "./status.ts";

export interface FieldTerm {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export type FieldSelector = readonly FieldTerm[];

/** Commas and equal signs inside values are written with a backslash. */
const unescaped = (text: string): string => text.replace(/\\([\\,=])/g, "$1");
const termPattern = /^((?:\\.|[^\\=!])*)(!=|==|=)((?:\\[\\,=]|[^\\,=])*)$/;

/** Parses what stands in `?fieldSelector=`; throws ApiFault (400). Empty text matches everything. */
export function parseFieldSelector(text: string): FieldSelector {
  const terms = text.match(/(?:\\.|[^\\,])+/g) ?? [];
  return terms.map((term) => {
    const [, field, operator, value] = termPattern.exec(term) ?? [];
    if (field === undefined || value === undefined) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    return { field: field.trim(), equal: operator !== "!=", value: unescaped(value) };
  });
}

/** Throws ApiFault (400) when the kind has no such field selector. */
export function checkFieldSelector(selector: FieldSelector, kind: Pick<Kind, "fieldSelectors" | "namespaced">): void {
  for (const { field } of selector) {
    if (field === "metadata.name" || field === "metadata.namespace") continue;
    if (!kind.fieldSelectors) {
      throw badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
    }
    if (!kind.fieldSelectors[field]) throw badRequest(`field label not supported: ${field}`);
  }
}

function fieldValue<T extends KubeObject>(kind: Pick<Kind<T>, "fieldSelectors">, field: string, object: T): string {
  if (field === "metadata.name") return object.metadata.name;
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  return kind.fieldSelectors?.[field]?.(object) ?? "";
}

export function matchesFields<T extends KubeObject>(
  selector: FieldSelector,
  kind: Pick<Kind<T>, "fieldSelectors">,
  object: T,
): boolean {
  return selector.every(({ field, equal, value }) => (fieldValue(kind, field, object) === value) === equal);
}

/** The one value that the selector demands of a field, for reads by key; undefined if there is none. */
export function demandedValue(selector: FieldSelector, field: string): string | undefined {
  return selector.find((term) => term.field === field && term.equal)?.value;
}
