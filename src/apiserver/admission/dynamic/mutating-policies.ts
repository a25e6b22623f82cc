/** Policies that change objects. Source: Kubernetes "Mutating Admission Policy". */
import { mergeConfiguration } from "../../../api/apply/merge-configuration.ts";
import {
  celValue,
  type Expression,
  jsonValue,
  lazyVariables,
  type Scope,
} from "../../../api/cel/admission-expression.ts";
import { cloneJson, isJsonObject } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import type { Mutation } from "../../../api/object.ts";
import { jsonPatch } from "../../../api/patch/json-patch.ts";
import { ApiFault, forbidden } from "../../../api/status.ts";
import type { StoredObject } from "../../codec.ts";
import type { ServerContext } from "../../context.ts";
import { takeForm } from "./changed-form.ts";
import { type Conditions, compileConditions, conditionsHold } from "./conditions.ts";
import type { PolicyCall } from "./gates.ts";
import type { Binding, MutatingSpec, Policy } from "./hooks.ts";
import { paramsOf } from "./params.ts";
import { matchOf } from "./policy-match.ts";
import { expressionOf } from "./policy-program.ts";
import type { Rounds } from "./rounds.ts";
import type { Match } from "./rules.ts";
import type { Visit } from "./visit.ts";

interface Program {
  readonly conditions: Conditions;
  readonly variables: readonly { readonly name: string; readonly expression: Expression }[];
  readonly mutations: readonly { readonly isPatch: boolean; readonly expression: Expression }[];
}

const programs = new WeakMap<MutatingSpec, Program>();

const textOf = ({ patchType, jsonPatch: patch, applyConfiguration }: Mutation): string =>
  (patchType === "JSONPatch" ? patch?.expression : applyConfiguration?.expression) ?? "";

function programOf(spec: MutatingSpec): Program {
  const known = programs.get(spec);
  if (known) return known;
  const params = spec.paramKind !== undefined;
  const names = (spec.variables ?? []).map(({ name }) => name);
  const program: Program = {
    conditions: compileConditions(spec.matchConditions, params),
    variables: (spec.variables ?? []).map(({ name, expression }, index) => {
      const declared = { params, structs: true, variables: names.slice(0, index), result: "any" } as const;
      return { name, expression: expressionOf(expression, declared) };
    }),
    mutations: (spec.mutations ?? []).map((mutation) => ({
      isPatch: mutation.patchType === "JSONPatch",
      expression: expressionOf(textOf(mutation), { params, structs: true, variables: names, result: "any" }),
    })),
  };
  programs.set(spec, program);
  return program;
}

/** One policy with one binding and one object of parameters. */
interface Invocation {
  readonly policy: Policy<MutatingSpec>;
  readonly binding: Binding;
  readonly match: Match;
  readonly param: StoredObject | null;
}

interface Failure {
  readonly message: string;
  readonly reason: string;
}

/** What was wrong with policies: the first is told. */
class Failures {
  readonly #all: Failure[] = [];

  add({ name, spec }: Policy<MutatingSpec>, binding: Binding, error: unknown, reason = "Forbidden"): void {
    if (error instanceof ApiFault && error.status.code >= 500) throw error;
    if (spec.failurePolicy === "Ignore") return;
    const why = error instanceof Error ? error.message : String(error);
    this.#all.push({ message: `policy '${name}' with binding '${binding.name}' denied request: ${why}`, reason });
  }

  /** Throws ApiFault if there is one. */
  tell({ attributes }: Visit): void {
    const [first] = this.#all;
    if (!first) return;
    const { status } = forbidden(attributes.kind, attributes.name || "Unknown", "");
    const causes = this.#all.map(({ message }) => ({ message }));
    throw new ApiFault({ ...status, ...first, details: { ...status.details, causes } });
  }
}

async function invocationsOf(
  server: ServerContext,
  calls: readonly PolicyCall<MutatingSpec>[],
  visit: Visit,
  failures: Failures,
): Promise<Invocation[]> {
  const found: Invocation[] = [];
  for (const { policy, matches, bindings } of calls) {
    const match = await matchOf(policy.match, matches, visit);
    if (!match) continue;
    for (const { binding, matches: narrower } of bindings) {
      if (binding.match && !(await matchOf(binding.match, narrower ?? matches, visit))) continue;
      try {
        const { namespace } = visit.attributes;
        const params = await paramsOf(server, policy.spec.paramKind, binding.spec.paramRef, namespace);
        found.push(...params.map((param) => ({ policy, binding, match, param })));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        failures.add(
          policy,
          binding,
          error instanceof ApiFault ? error : new Error(`failed to configure binding: ${why}`),
        );
      }
    }
  }
  return found;
}

async function scopeFor(visit: Visit, { match, param }: Invocation, program: Program): Promise<Scope> {
  const scope = { ...(await visit.scopeAs(match.as, { namespaced: true })), params: celValue(param) };
  return { ...scope, variables: lazyVariables(program.variables, scope) };
}

/** What the expression makes of the object. */
function changedBy(
  { isPatch, expression }: Program["mutations"][number],
  scope: Scope,
  { before, as }: { before: unknown; as: Kind },
): unknown {
  const value = jsonValue(expression.evaluate(scope));
  if (isPatch) {
    if (!Array.isArray(value)) throw new Error("type mismatch: JSONPatchType.expression should evaluate to array");
    const isTest = value.some((one) => isJsonObject(one) && one.op === "test");
    try {
      return jsonPatch(before, value);
    } catch (error) {
      // A test that fails is a patch that is not meant.
      if (isTest && error instanceof ApiFault && /test/.test(error.message)) return before;
      throw new Error(`JSON Patch: ${(error as Error).message}`);
    }
  }
  if (!isJsonObject(value)) throw new Error("must evaluate to Object");
  return mergeConfiguration(before, value, as.schema);
}

/** True: the object has changed. A mutation that fails does not keep those after it from being tried. */
async function invoke(visit: Visit, invocation: Invocation, failures: Failures): Promise<boolean> {
  const { policy, binding, match } = invocation;
  const program = programOf(policy.spec);
  let changed = false;
  for (const mutation of program.mutations) {
    try {
      const scope = await scopeFor(visit, invocation, program);
      const { object: before } = await visit.formsAs(match.as);
      const next = changedBy(mutation, scope, { before: cloneJson(before), as: match.as });
      changed = (await takeForm(visit, match.as, next)) || changed;
    } catch (error) {
      failures.add(policy, binding, error, "Invalid");
    }
  }
  return changed;
}

async function isMeant(visit: Visit, invocation: Invocation, failures: Failures): Promise<boolean> {
  const { policy, binding } = invocation;
  const program = programOf(policy.spec);
  if (program.conditions.length === 0) return true;
  try {
    return conditionsHold(program.conditions, await scopeFor(visit, invocation, program), policy.spec.failurePolicy);
  } catch (error) {
    failures.add(policy, binding, error, "Invalid");
    return false;
  }
}

const keyOf = ({ policy, binding, param }: Invocation): string =>
  [policy.name, binding.name, param?.metadata.namespace, param?.metadata.name].join("/");

/** Throws ApiFault when a policy fails that must not. */
export async function applyPolicies(
  server: ServerContext,
  calls: readonly PolicyCall<MutatingSpec>[],
  visit: Visit,
  { number, rounds }: { number: 0 | 1; rounds: Rounds },
): Promise<void> {
  const failures = new Failures();
  for (const invocation of await invocationsOf(server, calls, visit, failures)) {
    const key = keyOf(invocation);
    if (!visit.object || (number === 1 && !rounds.isRepeated(key))) continue;
    if (!(await isMeant(visit, invocation, failures))) continue;
    const changed = await invoke(visit, invocation, failures);
    rounds.ran(key, { changed, willing: invocation.policy.spec.reinvocationPolicy === "IfNeeded" });
  }
  failures.tell(visit);
}
