/**
 * Expressions about requests: conditions of webhooks and policies, validations, messages. Source: Kubernetes "Validating Admission Policy",
 * the variables of expressions.
 */
import type { Environment } from "@marcbachmann/cel-js";
import { isJsonObject } from "../json.ts";
import { type Authorizer, registerAuthorizer } from "./authorizer.ts";
import { createEnvironment, firstLine } from "./environment.ts";
import { plainLiterals } from "./struct-literals.ts";

/** What an expression may speak of. Values are those of `celValue`. */
export interface Scope {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
  readonly namespaceObject?: unknown;
  readonly params?: unknown;
  readonly authorizer?: Authorizer;
  /** Each is reckoned when it is first asked for. */
  readonly variables?: object;
}

export interface Expression {
  /** Throws an Error that says what is wrong, in Kubernetes's words. */
  evaluate(scope: Scope): unknown;
}

interface Declared {
  readonly params?: boolean;
  /** The names of variables that were defined before. */
  readonly variables?: readonly string[];
  /** It may ask who may do what; default true. */
  readonly authorizer?: boolean;
  /** It may make objects of named types, to change the one that is asked about. */
  readonly structs?: boolean;
  /** What it must come to; `any`: all is well. */
  readonly result: "bool" | "string" | "string or null" | "any";
}

const always = ["object", "oldObject", "request", "namespaceObject"];
const environments = new Map<string, Environment>();

function environmentOf({ params = false, authorizer = true, variables }: Declared): Environment {
  const names = [...always, ...(params ? ["params"] : []), ...(variables ? ["variables"] : [])];
  const key = `${names} ${authorizer}`;
  const known = environments.get(key);
  if (known) return known;
  const environment = createEnvironment(names);
  if (authorizer) registerAuthorizer(environment);
  environments.set(key, environment);
  return environment;
}

/** JSON as the language sees it: whole numbers are `int`. */
export function celValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(celValue);
  if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, celValue(one)]));
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : (value ?? null);
}

/** The other way: what an expression has made, as JSON. */
export function jsonValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return jsonValue(Object.fromEntries(value));
  if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, jsonValue(one)]));
  return value;
}

const results: Readonly<Record<Declared["result"], readonly string[]>> = {
  bool: ["bool", "dyn"],
  string: ["string", "dyn"],
  "string or null": ["string", "null", "dyn"],
  any: [],
};

/** A variable that nobody has defined. */
function unknownVariable(text: string, names: readonly string[] = []): string | undefined {
  return [...text.matchAll(/\bvariables\.(\w+)/g)].map(([, name = ""]) => name).find((name) => !names.includes(name));
}

type Evaluate = (context: object) => unknown;

/** The expression, or why it is none. */
export function compileExpression(text: string, declared: Declared): Expression | { readonly fault: string } {
  const missing = unknownVariable(text, declared.variables);
  if (missing !== undefined) return { fault: `compilation failed: undefined field '${missing}'` };
  try {
    const parsed = environmentOf(declared).parse(declared.structs ? plainLiterals(text) : text);
    const { valid, error, type = "" } = parsed.check();
    if (!valid) return { fault: `compilation failed: ${firstLine(error)}` };
    const wanted = results[declared.result];
    if (wanted.length > 0 && !wanted.includes(type)) return { fault: mustBe(declared.result, type) };
    return { evaluate: (scope) => evaluate(parsed as unknown as Evaluate, text, scope) };
  } catch (error) {
    return { fault: `compilation failed: ${firstLine(error)}` };
  }
}

const mustBe = (wanted: string, type: string): string =>
  wanted === "string or null"
    ? `must evaluate to one of [string null_type] but got ${type}`
    : `must evaluate to ${wanted} but got ${type}`;

function evaluate(test: Evaluate, text: string, scope: Scope): unknown {
  try {
    return test(scope);
  } catch (error) {
    const why = firstLine(error).replace(/^No such key/, "no such key");
    throw new Error(`expression '${text}' resulted in error: ${why}`);
  }
}

/** `variables` of a Scope: getters, in the order of their definitions. */
export function lazyVariables(
  definitions: readonly { readonly name: string; readonly expression: Expression }[],
  scope: Scope,
): object {
  const variables = {};
  const own = { ...scope, variables };
  for (const { name, expression } of definitions) {
    let known: { readonly value: unknown } | undefined;
    const get = (): unknown => {
      try {
        known ??= { value: expression.evaluate(own) };
        return known.value;
      } catch (error) {
        throw new Error(`composited variable "${name}" fails to evaluate: ${firstLine(error)}`);
      }
    };
    Object.defineProperty(variables, name, { get, enumerable: true });
  }
  return variables;
}
