/** Tables, as kubectl prints them: meta.k8s.io/v1 Table. Source: Kubernetes "API Concepts", "Receiving resources as Tables". */
import type { Column } from "./kind.ts";
import type { KubeObject } from "./object.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableRow {
  readonly cells: readonly (string | number | boolean | null)[];
  readonly object?: unknown;
}

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly metadata: object;
  readonly columnDefinitions: readonly object[];
  readonly rows: readonly TableRow[];
}

/** How a row carries its object: kubectl asks for metadata to learn names and namespaces. */
function rowObject<T extends KubeObject>(object: T, include: IncludeObject): unknown {
  if (include === "Object") return object;
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

export function tableRow<T extends KubeObject>(
  columns: readonly Column<T>[],
  object: T,
  { include, now }: { readonly include: IncludeObject; readonly now: number },
): TableRow {
  const cells = columns.map(({ cell }) => cell(object, now));
  return include === "None" ? { cells } : { cells, object: rowObject(object, include) };
}

function columnDefinition<T>({ name, type, format = "", description, priority }: Column<T>): object {
  return { name, type, format: name === "Name" && !format ? "name" : format, description, priority };
}

/**
 * A table of `objects` (one for a get, or one for each event of a watch). `metadata` is the list's own.
 * `withColumns` false leaves the definitions out, as in all events of a watch but the first.
 */
export function table<T extends KubeObject>(
  columns: readonly Column<T>[],
  objects: readonly T[],
  options: {
    readonly include: IncludeObject;
    readonly now: number;
    readonly metadata: object;
    readonly withColumns?: boolean;
  },
): Table {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: options.metadata,
    columnDefinitions: options.withColumns === false ? [] : columns.map(columnDefinition),
    rows: objects.map((object) => tableRow(columns, object, options)),
  };
}
