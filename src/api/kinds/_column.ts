/** Makers of printed columns. */
import { age } from "../human-duration.ts";
import type { Column } from "../kind.ts";
import type { KubeObject } from "../object.ts";

type Cell<T> = Column<T>["cell"];

/** A column that is always printed. */
export function text<T>(name: string, description: string, cell: Cell<T>): Column<T> {
  return { name, type: "string", description, priority: 0, cell };
}

/** A number that is always printed. */
export function integer<T>(name: string, description: string, cell: Cell<T>): Column<T> {
  return { name, type: "integer", description, priority: 0, cell };
}

/** The same column, only with `-o wide`. */
export function wide<T>(column: Column<T>): Column<T> {
  return { ...column, priority: 1 };
}

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique among its kind in the namespace.",
  priority: 0,
  cell: ({ metadata }) => metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  priority: 0,
  cell: ({ metadata }, now) => age(metadata.creationTimestamp, now),
};

/** When, in place of how long ago: for kinds that live long. */
export const createdAtColumn: Column<KubeObject> = {
  name: "Created At",
  type: "date",
  description: "When the object was created.",
  priority: 0,
  cell: ({ metadata }) => metadata.creationTimestamp ?? "",
};

/** What stands in a cell that has nothing to say. */
export const none = "<none>";

/** "a=1,b=2" in the order of keys, `<none>` if there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([key, value]) => `${key}=${value}`).join(",") || none;
}

/** The first `max` items, then " + N more..."; `empty` if there are none. */
export function firstOf(items: readonly string[], max: number, empty: string): string {
  if (items.length === 0) return empty;
  const shown = items.slice(0, max).join(",");
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}
