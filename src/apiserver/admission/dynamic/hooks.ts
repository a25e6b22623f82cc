/** What is configured: webhooks and policies, each with what is known of it before any request. */
import type {
  MutatingWebhook,
  ValidatingAdmissionPolicySpec,
  ValidatingWebhook,
} from "kubernetes-types/admissionregistration/v1";
import type {
  AdmissionRule,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "../../../api/object.ts";
import { type LabelSelector, type LabelSelectorObject, labelSelectorOf } from "../../../api/selectors.ts";

export interface Hook {
  /** Of the whole server: configuration and place in it. */
  readonly key: string;
  readonly webhook: Partial<MutatingWebhook & ValidatingWebhook> & { readonly name: string };
  readonly configuration: string;
  readonly rules: readonly AdmissionRule[];
  readonly namespaces: LabelSelector;
  readonly objects: LabelSelector;
}

export type MutatingSpec = MutatingAdmissionPolicy["spec"];

/** One that validates or, with the other spec, one that changes objects. */
export interface Policy<Spec = ValidatingAdmissionPolicySpec> {
  readonly name: string;
  readonly spec: Spec;
  readonly match: Constraints;
  readonly bindings: readonly Binding[];
}

export interface Binding {
  readonly name: string;
  readonly spec: Partial<ValidatingAdmissionPolicyBinding["spec"]>;
  /** Undefined: all that the policy is about. */
  readonly match: Constraints | undefined;
}

/** MatchResources, read. */
export interface Constraints {
  readonly rules: readonly AdmissionRule[];
  readonly excluded: readonly AdmissionRule[];
  readonly policy: string | undefined;
  readonly namespaces: LabelSelector;
  readonly objects: LabelSelector;
}

/** No selector selects all. */
const selectorOf = (selector: object | undefined): LabelSelector =>
  labelSelectorOf((selector ?? {}) as LabelSelectorObject);

export function hooksOf({
  metadata,
  webhooks = [],
}: MutatingWebhookConfiguration | ValidatingWebhookConfiguration): Hook[] {
  return webhooks.map((webhook, index) => ({
    key: `${metadata.name}/${index}`,
    webhook,
    configuration: metadata.name,
    rules: (webhook.rules ?? []) as readonly AdmissionRule[],
    namespaces: selectorOf(webhook.namespaceSelector),
    objects: selectorOf(webhook.objectSelector),
  }));
}

function constraintsOf(match: NonNullable<ValidatingAdmissionPolicySpec["matchConstraints"]>): Constraints {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy, namespaceSelector, objectSelector } = match;
  return {
    rules: resourceRules as readonly AdmissionRule[],
    excluded: excludeResourceRules as readonly AdmissionRule[],
    policy: matchPolicy,
    namespaces: selectorOf(namespaceSelector),
    objects: selectorOf(objectSelector),
  };
}

export function bindingOf({
  metadata,
  spec,
}: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding): Binding {
  return { name: metadata.name, spec, match: spec.matchResources && constraintsOf(spec.matchResources) };
}

export function policyOf<Spec extends Pick<ValidatingAdmissionPolicySpec, "matchConstraints">>(
  { metadata, spec }: { readonly metadata: { readonly name: string }; readonly spec: Spec },
  bindings: readonly Binding[],
): Policy<Spec> {
  const own = bindings.filter((binding) => binding.spec.policyName === metadata.name);
  return { name: metadata.name, spec, match: constraintsOf(spec.matchConstraints ?? {}), bindings: own };
}
