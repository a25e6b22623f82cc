/** matchConditions: expressions that must all hold. Source: Kubernetes "Dynamic Admission Control", matchConditions. */
import { compileExpression, type Scope } from "../../../api/cel/admission-expression.ts";

interface Condition {
  readonly name?: string;
  readonly expression?: string;
}

/** Compiled once; broken ones throw when they are reckoned. */
export type Conditions = readonly ((scope: Scope) => unknown)[];

export function compileConditions(conditions: readonly Condition[] = [], params = false): Conditions {
  return conditions.map(({ expression = "" }) => {
    const compiled = compileExpression(expression.trim(), { params, result: "bool" });
    if ("evaluate" in compiled) return (scope) => compiled.evaluate(scope);
    return () => {
      throw new Error(compiled.fault);
    };
  });
}

/** One that does not hold decides, whatever the others are; else an error is thrown, or means no (`Ignore`). */
export function conditionsHold(conditions: Conditions, scope: Scope, failurePolicy: string | undefined): boolean {
  const errors: string[] = [];
  for (const condition of conditions) {
    try {
      if (condition(scope) === false) return false;
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (errors.length === 0) return true;
  if (failurePolicy === "Ignore") return false;
  throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`);
}
