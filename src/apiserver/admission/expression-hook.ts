/** Expressions of webhooks and policies are compiled when they are written, and refused if they cannot be. */
import type { ValidatingAdmissionPolicySpec } from "kubernetes-types/admissionregistration/v1";
import { invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { WebhookConfiguration } from "../../api/kinds/_webhook.ts";
import type { MutatingAdmissionPolicy } from "../../api/object.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import type { User } from "../request.ts";
import { checkParamKind } from "./param-access.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

type Language = typeof import("../../api/cel/admission-expression.ts");
type Declared = Parameters<Language["compileExpression"]>[1];
/** A field, its expression and what that may use. */
type Written = readonly [field: string, text: string | undefined, declared: Declared];

let loaded: Language | undefined;

/** Once there is an expression, or one may come. */
export async function loadExpressions(): Promise<void> {
  loaded ??= await import("../../api/cel/admission-expression.ts");
}

interface Conditioned {
  readonly matchConditions?: readonly { readonly expression?: string }[] | undefined;
}

function conditionsIn(path: string, { matchConditions = [] }: Conditioned, params: boolean): Written[] {
  return matchConditions.map(({ expression }, index) => [
    `${path}matchConditions[${index}].expression`,
    expression,
    { params, result: "bool" },
  ]);
}

function expressionsOfPolicy(spec: ValidatingAdmissionPolicySpec): Written[] {
  const params = spec.paramKind !== undefined;
  const names = (spec.variables ?? []).map(({ name }) => name);
  const all = { params, ...(names.length > 0 ? { variables: names } : {}) };
  const variables = (spec.variables ?? []).map(({ expression }, index): Written => {
    const before = names.slice(0, index);
    return [`spec.variables[${index}].expression`, expression, { params, variables: before, result: "any" }];
  });
  const validations = (spec.validations ?? []).flatMap(({ expression, messageExpression }, index): Written[] => [
    [`spec.validations[${index}].expression`, expression, { ...all, result: "bool" }],
    [
      `spec.validations[${index}].messageExpression`,
      messageExpression,
      { ...all, authorizer: false, result: "string" },
    ],
  ]);
  const annotations = (spec.auditAnnotations ?? []).map(({ valueExpression }, index): Written => {
    return [`spec.auditAnnotations[${index}].valueExpression`, valueExpression, { ...all, result: "string or null" }];
  });
  return [...conditionsIn("spec.", spec, params), ...variables, ...validations, ...annotations];
}

function expressionsOfMutator({ spec }: StoredObject): Written[] {
  const { paramKind, variables = [], mutations = [], ...rest } = (spec ?? {}) as MutatingAdmissionPolicy["spec"];
  const params = paramKind !== undefined;
  const names = variables.map(({ name }) => name);
  const changes = mutations.map((mutation, index): Written => {
    const part = mutation.patchType === "JSONPatch" ? "jsonPatch" : "applyConfiguration";
    const text = mutation[part]?.expression;
    return [
      `spec.mutations[${index}].${part}.expression`,
      text,
      { params, structs: true, variables: names, result: "any" },
    ];
  });
  const defined = variables.map(({ expression }, index): Written => {
    const declared = { params, structs: true, variables: names.slice(0, index), result: "any" } as const;
    return [`spec.variables[${index}].expression`, expression, declared];
  });
  return [...conditionsIn("spec.", rest, params), ...defined, ...changes];
}

const expressionsOfWebhooks = (object: StoredObject): Written[] =>
  ((object as unknown as WebhookConfiguration).webhooks ?? []).flatMap((webhook, index) =>
    conditionsIn(`webhooks[${index}].`, webhook as Conditioned, false),
  );

type Access = (object: StoredObject, writer: { old: StoredObject | undefined; user: User | undefined }) => FieldError[];

function hookFor(expressionsOf: (object: StoredObject) => Written[], access: Access = () => []): WriteHook {
  return {
    ready: loadExpressions,
    admit(object, old, user) {
      // What is stored was compiled once; on an update only what is new is looked at.
      const known = new Set(old ? expressionsOf(old).map(([, text]) => text) : []);
      const faults = expressionsOf(object).flatMap(([field, text, declared]): FieldError[] => {
        if (!text?.trim() || known.has(text) || !loaded) return [];
        const compiled = loaded.compileExpression(text, declared);
        return "fault" in compiled ? [invalid(field, text, compiled.fault)] : [];
      });
      return { ...admitted, faults: faults.length > 0 ? faults : access(object, { old, user }) };
    },
  };
}

/** By plural name. */
export function expressionHooks(server: () => ServerContext): readonly (readonly [string, WriteHook])[] {
  const access: Access = (object, writer) => (object.spec ? checkParamKind(server(), object, writer) : []);
  const policies = hookFor(({ spec }) => expressionsOfPolicy((spec ?? {}) as ValidatingAdmissionPolicySpec), access);
  const webhooks = hookFor(expressionsOfWebhooks);
  return [
    ["validatingadmissionpolicies", policies],
    ["mutatingadmissionpolicies", hookFor(expressionsOfMutator, access)],
    ["mutatingwebhookconfigurations", webhooks],
    ["validatingwebhookconfigurations", webhooks],
  ];
}
