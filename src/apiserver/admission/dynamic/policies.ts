/** Validating policies and their bindings. Source: Kubernetes "Validating Admission Policy". */
import { celValue } from "../../../api/cel/admission-expression.ts";
import { ApiFault, forbidden } from "../../../api/status.ts";
import type { StoredObject } from "../../codec.ts";
import type { ServerContext } from "../../context.ts";
import type { PolicyCall } from "./gates.ts";
import type { Binding, Policy } from "./hooks.ts";
import { paramsOf } from "./params.ts";
import { matchOf } from "./policy-match.ts";
import { compilePolicy, type Decision, type Outcome, type Program, runPolicy } from "./policy-program.ts";
import type { Match } from "./rules.ts";
import type { Visit } from "./visit.ts";

const programs = new WeakMap<Policy["spec"], Program>();
const maxAnnotationLength = 10 * 1024;
const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function programOf({ spec }: Policy): Program {
  const program = programs.get(spec) ?? compilePolicy(spec);
  programs.set(spec, program);
  return program;
}

interface Denial {
  readonly policy: string;
  readonly binding?: string;
  readonly message: string;
  readonly reason: string;
}

function denialFault({ attributes }: Visit, { policy, binding, message, reason }: Denial): ApiFault {
  const bound = binding === undefined ? "" : ` with binding '${binding}'`;
  const why = `ValidatingAdmissionPolicy '${policy}'${bound} denied request: ${message}`;
  const { name, generateName } = (attributes.object?.metadata ?? {}) as { name?: string; generateName?: string };
  const { status } = forbidden(attributes.kind, attributes.name || name || generateName || "Unknown", why);
  const known = reason || "Invalid";
  const details = { ...status.details, causes: [{ message: why }] };
  return new ApiFault({ ...status, reason: known, code: codes[known] ?? 422, details });
}

/** One policy's test of one request; denials are gathered. */
class Test {
  readonly #visit: Visit;
  readonly #policy: Policy;
  readonly denials: Denial[] = [];
  readonly #annotations = new Map<string, Set<string>>();

  constructor(visit: Visit, policy: Policy) {
    this.#visit = visit;
    this.#policy = policy;
  }

  /** A policy or binding that cannot be applied. */
  misconfigured(what: "policy" | "binding", error: unknown, binding?: Binding): void {
    if (this.#policy.spec.failurePolicy === "Ignore") return;
    const message = `failed to configure ${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.denials.push({
      policy: this.#policy.name,
      ...(binding ? { binding: binding.name } : {}),
      message,
      reason: "",
    });
  }

  #act(binding: Binding, index: number, { message, reason }: Decision): void {
    const { name: policy } = this.#policy;
    const { validationActions = [] } = binding.spec;
    if (validationActions.includes("Deny")) this.denials.push({ policy, binding: binding.name, message, reason });
    if (validationActions.includes("Warn")) {
      const start = `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}'`;
      this.#visit.warnings.push(`${start}: ${message}`);
    }
    if (!validationActions.includes("Audit")) return;
    const failure = { message, policy, binding: binding.name, expressionIndex: index, validationActions };
    const { annotate } = this.#visit.attributes.requester;
    annotate("validation.policy.admission.k8s.io/validation_failure", JSON.stringify([failure]));
  }

  take(binding: Binding, { decisions, annotations, annotationFaults }: Outcome): void {
    for (const [index, decision] of decisions.entries()) if (decision.denied) this.#act(binding, index, decision);
    for (const { key, value } of annotations) {
      const values = this.#annotations.get(key) ?? new Set();
      this.#annotations.set(key, values.add(value.slice(0, maxAnnotationLength)));
    }
    for (const message of annotationFaults) {
      this.denials.push({ policy: this.#policy.name, binding: binding.name, message, reason: "" });
    }
  }

  publish(): void {
    const { annotate } = this.#visit.attributes.requester;
    for (const [key, values] of this.#annotations) annotate(`${this.#policy.name}/${key}`, [...values].join(", "));
  }
}

async function testBinding(
  server: ServerContext,
  visit: Visit,
  { policy, binding, match, test }: { policy: Policy; binding: Binding; match: Match; test: Test },
): Promise<void> {
  let params: (StoredObject | null)[];
  try {
    params = await paramsOf(server, policy.spec.paramKind, binding.spec.paramRef, visit.attributes.namespace);
  } catch (error) {
    if (error instanceof ApiFault && error.status.code >= 500) throw error;
    test.misconfigured("binding", error, binding);
    return;
  }
  if (params.length === 0) return;
  const scope = await visit.scopeAs(match.as, { namespaced: true });
  for (const param of params) test.take(binding, runPolicy(programOf(policy), { ...scope, params: celValue(param) }));
}

async function testPolicy(server: ServerContext, call: PolicyCall, visit: Visit): Promise<readonly Denial[]> {
  const { policy } = call;
  const test = new Test(visit, policy);
  const match = await matchOf(policy.match, call.matches, visit);
  if (!match) return [];
  for (const { binding, matches } of call.bindings) {
    const bound = binding.match ? await matchOf(binding.match, matches ?? call.matches, visit) : match;
    if (bound) await testBinding(server, visit, { policy, binding, match, test });
  }
  test.publish();
  return test.denials;
}

/** All are tested, for their warnings and notes; the first denial is told. Throws ApiFault. */
export async function testPolicies(server: ServerContext, calls: readonly PolicyCall[], visit: Visit): Promise<void> {
  const denials: Denial[] = [];
  for (const call of calls) denials.push(...(await testPolicy(server, call, visit)));
  const [first] = denials;
  if (first) throw denialFault(visit, first);
}
