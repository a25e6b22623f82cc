/** For tests: objects as the server makes them, and what their kind says of them. */
import { formatFieldError } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { KubeObject } from "../object.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** An object of the kind after the first steps of a create. */
export function made<T extends KubeObject>(kind: Kind<T>, fields: Fields, metadata: Fields = {}): T {
  const object = structuredClone({
    apiVersion: "v1",
    kind: kind.kind,
    metadata: { name: "one", uid: "u1", creationTimestamp: "2026-01-01T00:00:00Z", generation: 1, ...metadata },
    ...fields,
  }) as unknown as T;
  kind.setDefaults?.(object);
  kind.prepareForCreate?.(object);
  return object;
}

export function faultsOf<T extends KubeObject>(kind: Kind<T>, fields: Fields, metadata: Fields = {}): string[] {
  return (kind.validate?.(made(kind, fields, metadata)) ?? []).map(formatFieldError);
}

/** Faults of a change from one set of fields to another. */
export function changeFaults<T extends KubeObject>(kind: Kind<T>, before: Fields, after: Fields): string[] {
  return (kind.validateUpdate?.(made(kind, after), made(kind, before)) ?? []).map(formatFieldError);
}

/** The cells of one line, as `kubectl get -o wide` would show them one minute after the object was created. */
export function row<T extends KubeObject>({ columns }: Kind<T>, object: T): string {
  return columns.map(({ cell }) => cell(object, Date.parse("2026-01-01T00:01:00Z"))).join(" | ");
}

/** "Name Ready Age +Images": the titles, those of the wide table with a plus. */
export function titles<T extends KubeObject>({ columns }: Kind<T>): string {
  return columns.map(({ name, priority }) => (priority === 1 ? `+${name}` : name)).join(", ");
}
