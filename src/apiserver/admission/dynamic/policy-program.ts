/** The expressions of one policy, compiled once, and what they say of one request. Source: Kubernetes "Validating Admission Policy". */
import type { ValidatingAdmissionPolicySpec, Validation } from "kubernetes-types/admissionregistration/v1";
import {
  compileExpression,
  type Expression,
  lazyVariables,
  type Scope,
} from "../../../api/cel/admission-expression.ts";
import { type Conditions, compileConditions, conditionsHold } from "./conditions.ts";

export interface Decision {
  readonly denied: boolean;
  readonly message: string;
  readonly reason: string;
}

export interface Outcome {
  /** By the place of the validation. */
  readonly decisions: readonly Decision[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Annotations that could not be made, where that is a failure. */
  readonly annotationFaults: readonly string[];
}

interface CompiledValidation {
  readonly validation: Validation;
  readonly test: Expression;
  readonly message: Expression | undefined;
}

export interface Program {
  readonly spec: ValidatingAdmissionPolicySpec;
  readonly conditions: Conditions;
  readonly variables: readonly { readonly name: string; readonly expression: Expression }[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly value: Expression }[];
}

const maxMessageBytes = 5 * 1024;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One that cannot be compiled throws when it is reckoned. */
export function expressionOf(text: string, declared: Parameters<typeof compileExpression>[1]): Expression {
  const compiled = compileExpression(text, declared);
  if ("evaluate" in compiled) return compiled;
  return {
    evaluate() {
      throw new Error(compiled.fault);
    },
  };
}

export function compilePolicy(spec: ValidatingAdmissionPolicySpec): Program {
  const params = spec.paramKind !== undefined;
  const names = (spec.variables ?? []).map(({ name }) => name);
  const all = { params, ...(names.length > 0 ? { variables: names } : {}) };
  return {
    spec,
    conditions: compileConditions(spec.matchConditions, params),
    variables: (spec.variables ?? []).map(({ name, expression }, index) => {
      const before = { params, variables: names.slice(0, index) };
      return { name, expression: expressionOf(expression, { ...before, result: "any" }) };
    }),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      test: expressionOf(validation.expression, { ...all, result: "bool" }),
      message: validation.messageExpression
        ? expressionOf(validation.messageExpression, { ...all, authorizer: false, result: "string" })
        : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => {
      return { key, value: expressionOf(valueExpression.trim(), { ...all, result: "string or null" }) };
    }),
  };
}

/** What the message expression says, if that can be shown; else the message, else the expression itself. */
function messageOf({ validation, message }: CompiledValidation, scope: Scope): string {
  const plain = validation.message?.trim() || `failed expression: ${validation.expression.trim()}`;
  try {
    const text = message?.evaluate(scope);
    const said = typeof text === "string" ? text.trim() : "";
    return said && Buffer.byteLength(said) <= maxMessageBytes && !said.includes("\n") ? said : plain;
  } catch {
    return plain;
  }
}

/** An expression that cannot be reckoned denies, or with failurePolicy Ignore says nothing. */
const failed = (spec: ValidatingAdmissionPolicySpec, error: unknown): Decision => {
  return { denied: spec.failurePolicy !== "Ignore", message: textOf(error), reason: "" };
};

function decide({ spec }: Program, one: CompiledValidation, scope: Scope): Decision {
  try {
    if (one.test.evaluate(scope) === true) return { denied: false, message: "", reason: "" };
  } catch (error) {
    return failed(spec, error);
  }
  return { denied: true, message: messageOf(one, scope), reason: one.validation.reason ?? "Invalid" };
}

function annotate({ spec, annotations }: Program, scope: Scope): Omit<Outcome, "decisions"> {
  const made: { key: string; value: string }[] = [];
  const faults: string[] = [];
  for (const { key, value } of annotations) {
    try {
      const text = value.evaluate(scope);
      if (typeof text === "string" && text.trim()) made.push({ key, value: text.trim() });
    } catch (error) {
      if (spec.failurePolicy !== "Ignore") faults.push(textOf(error));
    }
  }
  return { annotations: made, annotationFaults: faults };
}

export function runPolicy(program: Program, given: Scope): Outcome {
  const { spec, conditions, variables, validations } = program;
  const nothing: Outcome = { decisions: [], annotations: [], annotationFaults: [] };
  try {
    if (!conditionsHold(conditions, given, spec.failurePolicy)) return nothing;
  } catch (error) {
    return { ...nothing, decisions: [failed(spec, error)] };
  }
  const scope = variables.length > 0 ? { ...given, variables: lazyVariables(variables, given) } : given;
  return { decisions: validations.map((one) => decide(program, one, scope)), ...annotate(program, scope) };
}
