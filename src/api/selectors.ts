/**
 * Label selectors, from text (`app=web,tier in (a,b),!old`) and from LabelSelector objects.
 * Source: Kubernetes "Labels and Selectors". A bad selector throws ApiFault (400) with Kubernetes' sentence.
 */
import * as fieldError from "./field-error.ts";
import type { FieldError } from "./kind.ts";
import { checkLabelValue, checkQualifiedName } from "./names.ts";
import { badRequest } from "./status.ts";

export type Operator = "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** One for gt and lt, none for exists and "!". */
  readonly values: readonly string[];
}

/** All requirements must hold; none: everything matches. `nothing`: the selector of an absent LabelSelector. */
export type LabelSelector = readonly Requirement[] | "nothing";

/** As in the API: `matchLabels` and `matchExpressions`. */
export interface LabelSelectorObject {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

type Labels = Readonly<Record<string, string>> | undefined;

const tokenPattern = /\s*(!=|==|=|!|>|<|,|\(|\)|[^\s!=><,()]+)/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  tokenPattern.lastIndex = 0;
  for (let match = tokenPattern.exec(text); match; match = tokenPattern.exec(text)) found.push(match[1] ?? "");
  return found;
}

/** The fault of one requirement: what stands there, and what could. */
const misplaced = (found: string | undefined, expected: string): never => {
  throw badRequest(`unable to parse requirement: found '${found ?? ""}'${expected}`);
};
/** The fault of what stands between requirements. */
const syntax = (found: string | undefined, expected: string): never => {
  throw badRequest(`found '${found ?? ""}', expected: ${expected}`);
};
const isIdentifier = (token: string | undefined): token is string =>
  token !== undefined && !/^([!=<>]=?|[,()])$/.test(token);

/** Reads one list of tokens from front to back. */
interface Cursor {
  readonly tokens: readonly string[];
  at: number;
}

/** `(a,b)`; nothing between two commas or brackets is an empty value. */
function parseValues(cursor: Cursor): string[] {
  const first = cursor.tokens[cursor.at++];
  if (first !== "(") misplaced(first, " expected: '('");
  const values: string[] = [];
  let needsValue = true;
  for (;;) {
    const token = cursor.tokens[cursor.at++];
    if (token === ")" || token === ",") {
      if (needsValue) values.push("");
      if (token === ")") return [...new Set(values)].sort();
      needsValue = true;
    } else if (isIdentifier(token) && needsValue) {
      values.push(token);
      needsValue = false;
    } else misplaced(token, needsValue ? ", expected: ',', or identifier" : ", expected: ',' or ')'");
  }
}

function parseExact(cursor: Cursor): string {
  const token = cursor.tokens[cursor.at];
  if (token === undefined || token === ",") return "";
  cursor.at++;
  return isIdentifier(token) ? token : misplaced(token, ", expected: identifier");
}

function parseOperator(cursor: Cursor): Pick<Requirement, "operator" | "values"> {
  const token = cursor.tokens[cursor.at];
  if (token === undefined || token === ",") return { operator: "exists", values: [] };
  cursor.at++;
  switch (token) {
    case "in":
    case "notin":
      return { operator: token, values: parseValues(cursor) };
    case "=":
    case "==":
      return { operator: "in", values: [parseExact(cursor)] };
    case "!=":
      return { operator: "notin", values: [parseExact(cursor)] };
    case ">":
      return { operator: "gt", values: [parseExact(cursor)] };
    case "<":
      return { operator: "lt", values: [parseExact(cursor)] };
    default:
      return misplaced(token, ", expected: in, notin, =, ==, !=, gt, lt");
  }
}

function parseRequirement(cursor: Cursor): Requirement {
  const absent = cursor.tokens[cursor.at] === "!";
  if (absent) cursor.at++;
  const key = cursor.tokens[cursor.at++];
  if (!isIdentifier(key))
    return absent ? misplaced(key, ", expected: identifier") : syntax(key, "!, identifier, or 'end of string'");
  return absent ? { key, operator: "!", values: [] } : { key, ...parseOperator(cursor) };
}

function checkRequirement({ key, operator, values }: Requirement): void {
  const faults: FieldError[] = checkQualifiedName(key).map((fault) => fieldError.invalid("key", key, fault));
  values.forEach((value, index) => {
    const field = `values[${index}][${key}]`;
    if (operator === "gt" || operator === "lt") {
      if (!/^[+-]?\d+$/.test(value))
        faults.push(fieldError.invalid(field, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    } else faults.push(...checkLabelValue(value).map((fault) => fieldError.invalid(field, value, fault)));
  });
  if (faults.length > 0) throw badRequest(`unable to parse requirement: ${fieldError.formatFieldErrors(faults)}`);
}

/** Parses what stands in `?labelSelector=`. Empty text matches everything. */
export function parseLabelSelector(text: string): LabelSelector {
  const cursor: Cursor = { tokens: tokens(text), at: 0 };
  const requirements: Requirement[] = [];
  while (cursor.at < cursor.tokens.length) {
    if (requirements.length > 0) {
      const separator = cursor.tokens[cursor.at++];
      if (separator !== ",") syntax(separator, "',' or 'end of string'");
      const next = cursor.tokens[cursor.at];
      if (next !== "!" && !isIdentifier(next)) syntax(next, "identifier after ','");
    }
    const requirement = parseRequirement(cursor);
    checkRequirement(requirement);
    requirements.push(requirement);
  }
  return requirements;
}

const expressionOperators: Readonly<Record<string, Operator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/** An absent selector matches nothing, an empty one everything. */
export function labelSelectorOf(selector: LabelSelectorObject | undefined): LabelSelector {
  if (!selector) return "nothing";
  const exact = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: "in", values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }): Requirement => {
    const known = expressionOperators[operator];
    if (!known) throw badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
    return { key, operator: known, values };
  });
  return [...exact, ...expressions];
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    default:
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      return operator === "gt" ? BigInt(value) > BigInt(values[0] ?? 0) : BigInt(value) < BigInt(values[0] ?? 0);
  }
}

/** Do these labels satisfy the selector? */
export function matches(selector: LabelSelector, labels: Labels): boolean {
  return selector !== "nothing" && selector.every((requirement) => holds(requirement, labels));
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "gt":
      return `${key}>${values[0]}`;
    case "lt":
      return `${key}<${values[0]}`;
    case "in":
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${[...values].sort().join(",")})`;
    case "notin":
      return `${key} notin (${[...values].sort().join(",")})`;
  }
}

/** As text, sorted by key: what Scale's `status.selector` and tables show. "nothing" is "". */
export function formatLabelSelector(selector: LabelSelector): string {
  if (selector === "nothing") return "";
  return [...selector]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(formatRequirement)
    .join(",");
}
