/** Paths of printed columns, scales and selectable fields: `.status.conditions[?(@.type=="Ready")].status`. Source: Kubernetes "JSONPath Support". */
import { isJsonObject } from "../json.ts";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: Path; readonly operator: string; readonly value: unknown };

export type Path = readonly Step[];

const fieldStep = /^\.((?:\\.|[^.[\]\\\s])+)/;
const nameStep = /^\[(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\]/;
const indexStep = /^\[(-?\d+)\]/;
const allStep = /^(?:\[\*\]|\.\*)/;
const filterStep = /^\[\?\(\s*@((?:\.|\[)[^=!<>]+?)\s*(==|!=|<=|>=|<|>)\s*("[^"]*"|'[^']*'|-?[\d.]+|true|false)\s*\)\]/;

const literal = (text: string): unknown => (text.startsWith("'") ? text.slice(1, -1) : JSON.parse(text));

function readStep(text: string): { step: Step; length: number } | undefined {
  const all = allStep.exec(text);
  if (all) return { step: { kind: "all" }, length: all[0].length };
  const field = fieldStep.exec(text) ?? nameStep.exec(text);
  if (field) {
    const name = (field[1] ?? field[2] ?? "").replace(/\\(.)/g, "$1");
    return { step: { kind: "field", name }, length: field[0].length };
  }
  const index = indexStep.exec(text);
  if (index) return { step: { kind: "index", index: Number(index[1]) }, length: index[0].length };
  const filter = filterStep.exec(text);
  const path = filter?.[1] === undefined ? undefined : parsePath(filter[1]);
  if (!filter || !path) return undefined;
  const [whole, , operator = "==", value = ""] = filter;
  return { step: { kind: "filter", path, operator, value: literal(value) }, length: whole.length };
}

/** Undefined: the text is no path that is known here. */
export function parsePath(text: string): Path | undefined {
  const steps: Step[] = [];
  let rest = text.trim();
  if (!rest.startsWith(".") && !rest.startsWith("[")) return undefined;
  if (rest === ".") return steps;
  while (rest) {
    const found = readStep(rest);
    if (!found) return undefined;
    steps.push(found.step);
    rest = rest.slice(found.length);
  }
  return steps;
}

function holds(item: unknown, { path, operator, value }: Extract<Step, { kind: "filter" }>): boolean {
  const [found] = valuesAt(item, path);
  const [left, right] = [found as number, value as number];
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    default:
      return left >= right;
  }
}

function below(value: unknown, step: Step): unknown[] {
  const items = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
  switch (step.kind) {
    case "field":
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "index": {
      const item = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case "all":
      return items;
    case "filter":
      return items.filter((item) => holds(item, step));
  }
}

/** What stands at `path`, in order; empty if there is nothing. */
export function valuesAt(value: unknown, path: Path): unknown[] {
  return path.reduce<unknown[]>((values, step) => values.flatMap((one) => below(one, step)), [value]);
}

/** The fields of a path of fields only, e.g. of a scale's; undefined: it is another sort of path. */
export function fieldsOfPath(text: string): string[] | undefined {
  const steps = parsePath(text);
  if (!steps || steps.length === 0) return undefined;
  const names = steps.flatMap((step) => (step.kind === "field" ? [step.name] : []));
  return names.length === steps.length ? names : undefined;
}
