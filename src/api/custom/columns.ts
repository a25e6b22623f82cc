/** Printed columns of custom resources. Source: Kubernetes "Additional printer columns". */
import type { CustomResourceColumnDefinition } from "kubernetes-types/apiextensions/v1";
import { age } from "../human-duration.ts";
import type { Column } from "../kind.ts";
import { ageColumn, nameColumn } from "../kinds/_column.ts";
import type { KubeObject } from "../object.ts";
import { parsePath, valuesAt } from "./json-path.ts";

type Cell = string | number | boolean | null;

/** Columns that a version without columns of its own has. */
const usual: readonly Column<KubeObject>[] = [nameColumn, { ...ageColumn, type: "date" }];

function cellOf(value: unknown, type: string, now: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "date":
      return typeof value === "string" ? age(value, now) : null;
    default:
      return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

function columnOf(column: CustomResourceColumnDefinition): Column<KubeObject> {
  const { name, jsonPath, format, priority = 0 } = column;
  const type = column.type as Column<KubeObject>["type"];
  const path = parsePath(jsonPath) ?? [];
  return {
    name,
    type,
    ...(format ? { format } : {}),
    description: column.description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority > 0 ? 1 : 0,
    cell: (object, now) => cellOf(valuesAt(object, path)[0], type, now),
  };
}

export function columnsOf(columns: readonly CustomResourceColumnDefinition[] | undefined): Column<KubeObject>[] {
  return columns?.length ? [nameColumn, ...columns.map(columnOf)] : [...usual];
}
