/**
 * Webhooks and policies that were configured in the API: which sorts of requests they are about is decided when they change, so that
 * all other requests pay for one look into a table. Source: Kubernetes "Dynamic Admission Control", "Validating Admission Policy".
 */
import type { ParamKind } from "kubernetes-types/admissionregistration/v1";
import type { Kind } from "../../../api/kind.ts";
import type { KubeObject, MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from "../../../api/object.ts";
import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  type Resource,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from "../../../api/resource.ts";
import type { ServerContext } from "../../context.ts";
import { createStoreCache } from "../../store-cache.ts";
import { loadExpressions } from "../expression-hook.ts";
import type { Attributes, Requester } from "./attributes.ts";
import { type Binding, bindingOf, type Hook, hooksOf, type MutatingSpec, type Policy, policyOf } from "./hooks.ts";
import { equivalentsOf, type Match, matchesOf, type Sort } from "./rules.ts";

/** A webhook for a sort of requests, and as what it wants to see them. */
export interface HookCall {
  readonly hook: Hook;
  readonly as: Kind;
}

export interface PolicyCall<Spec = Policy["spec"]> {
  readonly policy: Policy<Spec>;
  /** Rules may name single objects: the first that fits counts. */
  readonly matches: readonly Match[];
  /** The same for the bindings that restrict it further. */
  readonly bindings: readonly { readonly binding: Binding; readonly matches: readonly Match[] | undefined }[];
}

export interface Calls {
  readonly mutators: readonly PolicyCall<MutatingSpec>[];
  readonly mutating: readonly HookCall[];
  readonly validating: readonly HookCall[];
  readonly policies: readonly PolicyCall[];
}

/** What stands in the way of a sort of requests. */
export interface Gate {
  /** The object as the webhooks leave it, in their order; undefined: as it was. `again`: lets the server's own admission look at it once more. */
  mutate<T extends object>(
    attributes: Attributes,
    warnings: string[],
    again?: (object: T) => T | Promise<T>,
  ): Promise<T | undefined>;
  /** Throws the ApiFault that refuses it. */
  validate(attributes: Attributes, warnings: string[]): Promise<void>;
}

export interface DynamicAdmission {
  /** Undefined: nothing is in the way. */
  gateOf(
    kind: Kind,
    subresource: string,
    operation: Attributes["operation"],
    requester: Requester | undefined,
  ): Gate | undefined;
  /** Of a policy by name; undefined: there is no such policy, or it has none. */
  paramKindOf(policies: "validating" | "mutating", name: string): ParamKind | undefined;
}

/** Who configures admission must be able to mend it. */
const exempt = (kind: Kind): boolean => kind.group === "admissionregistration.k8s.io";

const sorted = <T>(cache: ReadonlyMap<string, T>): T[] =>
  [...cache].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);

type Rules = Pick<Policy["match"], "rules" | "excluded" | "policy">;

/** Sort by sort: rules that leave some out come first; those that name objects are looked at with each request. */
function callsOf(
  sort: Sort,
  kinds: readonly Kind[],
  configured: { mutators: Policy<MutatingSpec>[]; mutating: Hook[]; validating: Hook[]; policies: Policy[] },
): Calls {
  const equivalents = equivalentsOf(sort.kind, kinds);
  const hookCalls = (hooks: readonly Hook[]): HookCall[] =>
    hooks.flatMap((hook) => {
      const [match] = matchesOf(hook.rules, sort, { policy: hook.webhook.matchPolicy, equivalents });
      return match ? [{ hook, as: match.as }] : [];
    });
  const matching = ({ rules, policy }: Rules): Match[] => matchesOf(rules, sort, { policy, equivalents });
  const policyCalls = <Spec>(policies: readonly Policy<Spec>[]): PolicyCall<Spec>[] =>
    policies.flatMap((policy) => {
      const matches = matching(policy.match);
      if (matches.length === 0) return [];
      const bindings = policy.bindings.map((binding) => {
        const restricts = binding.match && binding.match.rules.length > 0;
        return { binding, matches: binding.match && restricts ? matching(binding.match) : undefined };
      });
      return [{ policy, matches, bindings }];
    });
  return {
    mutators: policyCalls(configured.mutators),
    mutating: hookCalls(configured.mutating),
    validating: hookCalls(configured.validating),
    policies: policyCalls(configured.policies),
  };
}

/** Loaded when something is in the way of a request for the first time. */
const running = (): Promise<typeof import("./run.ts")> => import("./run.ts");

export async function createDynamicAdmission(
  server: () => ServerContext,
  { store, signal }: { store: ServerContext["store"]; signal: AbortSignal },
): Promise<DynamicAdmission> {
  const gates = new Map<string, Gate | undefined>();
  let served: readonly Kind[] | undefined;
  const cacheOf = <T extends KubeObject, Kept>(resource: Resource<T>, keep: (object: T) => Kept) =>
    createStoreCache(store, resource, { keep, signal, onChange: () => gates.clear() });
  const [mutating, validating, policies, bindings, mutators, mutatorBindings] = await Promise.all([
    cacheOf(mutatingWebhookConfigurations, hooksOf),
    cacheOf(validatingWebhookConfigurations, hooksOf),
    cacheOf(validatingAdmissionPolicies, (policy): ValidatingAdmissionPolicy => policy),
    cacheOf(validatingAdmissionPolicyBindings, bindingOf),
    cacheOf(mutatingAdmissionPolicies, (policy): MutatingAdmissionPolicy => policy),
    cacheOf(mutatingAdmissionPolicyBindings, bindingOf),
  ]);
  const isIdle = (): boolean => mutating.size + validating.size + policies.size + mutators.size === 0;
  if (!isIdle()) await loadExpressions();
  const makeGate = (sort: Sort): Gate | undefined => {
    const bound = sorted(bindings);
    const mutatorsBound = sorted(mutatorBindings);
    const calls = callsOf(sort, server().kinds, {
      mutators: sorted(mutators).map((policy) => policyOf(policy, mutatorsBound)),
      mutating: sorted(mutating).flat(),
      validating: sorted(validating).flat(),
      policies: sorted(policies).map((policy) => policyOf(policy, bound)),
    });
    const changing = calls.mutators.length + calls.mutating.length;
    const judging = calls.policies.length + calls.validating.length;
    if (changing + judging === 0) return undefined;
    return {
      async mutate(attributes, warnings, again) {
        if (changing === 0) return undefined;
        return (await running()).mutate(server(), calls, { attributes, warnings, again });
      },
      async validate(attributes, warnings) {
        if (judging > 0) await (await running()).validate(server(), calls, { attributes, warnings });
      },
    };
  };
  return {
    paramKindOf: (which, name) => (which === "mutating" ? mutators : policies).get(name)?.spec.paramKind,
    gateOf(kind, subresource, operation, requester) {
      if (!requester || isIdle() || exempt(kind)) return undefined;
      const { kinds } = server();
      if (kinds !== served) gates.clear();
      served = kinds;
      const key = `${operation} ${kind.group}/${kind.version}/${kind.plural}/${subresource}`;
      if (!gates.has(key)) gates.set(key, makeGate({ operation, kind, subresource }));
      return gates.get(key);
    },
  };
}
