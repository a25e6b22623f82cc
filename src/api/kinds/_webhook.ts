/** What mutating and validating webhooks have in common. Source: admissionregistration.k8s.io/v1. */
import type { MutatingWebhook, ValidatingWebhook } from "kubernetes-types/admissionregistration/v1";
import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDns1035Label, checkDnsSubdomain } from "../names.ts";
import type { KubeObject } from "../object.ts";
import {
  defaultRules,
  failurePolicies,
  matchPolicies,
  oneOfIfSet,
  validateMatchConditions,
  validateRule,
} from "./_admission-rule.ts";
import { validateLabelSelector } from "./_check.ts";
import { ageColumn, integer, nameColumn } from "./_column.ts";
import { defaultWebhookClient, validateWebhookClient } from "./_webhook-client.ts";

type Webhook = Partial<MutatingWebhook & ValidatingWebhook>;
export type WebhookConfiguration = KubeObject & { webhooks?: Webhook[] };

const reviewVersions = ["v1", "v1beta1"];
const noSideEffects = ["None", "NoneOnDryRun"];
const allSideEffects = ["None", "NoneOnDryRun", "Some", "Unknown"];
const timeout = { least: 1, most: 30, usual: 10 };

/** In place. */
export function defaultWebhooks({ webhooks = [] }: WebhookConfiguration): void {
  for (const webhook of webhooks) {
    webhook.failurePolicy ??= "Fail";
    webhook.matchPolicy ??= "Equivalent";
    webhook.namespaceSelector ??= {};
    webhook.objectSelector ??= {};
    webhook.timeoutSeconds ??= timeout.usual;
    defaultRules(webhook.rules);
    defaultWebhookClient(webhook.clientConfig);
  }
}

function validateName(field: string, name: string): FieldError[] {
  if (!name) return [required(field)];
  const faults = checkDnsSubdomain(name);
  if (faults.length > 0) return [invalid(field, name, faults.join(","))];
  const short = name.split(".").length < 3;
  return short ? [invalid(field, name, "should be a domain with at least three segments separated by dots")] : [];
}

function validateReviewVersions(field: string, versions: readonly string[], strict: boolean): FieldError[] {
  if (versions.length === 0) return [required(field, `must specify one of ${reviewVersions.join(", ")}`)];
  const faults = versions.flatMap((version, index) => {
    const place = `${field}[${index}]`;
    if (versions.indexOf(version) < index) return [invalid(place, version, "duplicate version")];
    return checkDns1035Label(version).map((why) => invalid(place, version, why));
  });
  const known = versions.some((version) => reviewVersions.includes(version));
  if (strict && !known) {
    faults.push(invalid(field, versions, `must include at least one of ${reviewVersions.join(", ")}`));
  }
  return faults;
}

const hasNoSideEffects = ({ sideEffects }: Webhook): boolean => noSideEffects.includes(sideEffects ?? "");
const isReviewable = ({ admissionReviewVersions: versions = [] }: Webhook): boolean =>
  versions.length === 0 || versions.some((version) => reviewVersions.includes(version));
const namesOf = (webhooks: readonly Webhook[]): Set<string | undefined> => new Set(webhooks.map(({ name }) => name));

/** What was stored before a rule came stays legal. */
interface Strictness {
  readonly sideEffects: boolean;
  readonly reviewVersions: boolean;
  readonly uniqueNames: boolean;
}

function strictnessFor(old: readonly Webhook[]): Strictness {
  return {
    sideEffects: old.every(hasNoSideEffects),
    reviewVersions: old.every(isReviewable),
    uniqueNames: namesOf(old).size === old.length,
  };
}

function validateSideEffects(field: string, value: string | undefined, strict: boolean): FieldError[] {
  const allowed = strict ? noSideEffects : allSideEffects;
  if (!value) return [required(field, `must specify one of ${allowed.join(", ")}`)];
  return allowed.includes(value) ? [] : [notSupported(field, value, allowed)];
}

function validateWebhook(path: string, webhook: Webhook, strict: Strictness): FieldError[] {
  const { name = "", rules = [], timeoutSeconds = timeout.usual, namespaceSelector, objectSelector } = webhook;
  const slow = timeoutSeconds > timeout.most || timeoutSeconds < timeout.least;
  const why = "the timeout value must be between 1 and 30 seconds";
  return [
    ...validateName(`${path}.name`, name),
    ...rules.flatMap((rule, index) => validateRule(`${path}.rules[${index}]`, rule)),
    ...oneOfIfSet(`${path}.failurePolicy`, webhook.failurePolicy, failurePolicies),
    ...oneOfIfSet(`${path}.matchPolicy`, webhook.matchPolicy, matchPolicies),
    ...validateSideEffects(`${path}.sideEffects`, webhook.sideEffects, strict.sideEffects),
    ...(slow ? [invalid(`${path}.timeoutSeconds`, timeoutSeconds, why)] : []),
    ...(namespaceSelector ? validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector) : []),
    ...(objectSelector ? validateLabelSelector(`${path}.objectSelector`, objectSelector) : []),
    ...oneOfIfSet(`${path}.reinvocationPolicy`, webhook.reinvocationPolicy, ["IfNeeded", "Never"]),
    ...validateWebhookClient(`${path}.clientConfig`, webhook.clientConfig),
    ...validateMatchConditions(`${path}.matchConditions`, webhook.matchConditions ?? []),
    ...validateReviewVersions(
      `${path}.admissionReviewVersions`,
      webhook.admissionReviewVersions ?? [],
      strict.reviewVersions,
    ),
  ];
}

function validateWebhooks({ webhooks = [] }: WebhookConfiguration, old?: WebhookConfiguration): FieldError[] {
  const strict = strictnessFor(old?.webhooks ?? []);
  const names = webhooks.map(({ name }) => name);
  return webhooks.flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const twice = strict.uniqueNames && webhook.name && names.indexOf(webhook.name) < index;
    return [...validateWebhook(path, webhook, strict), ...(twice ? [duplicate(`${path}.name`, webhook.name)] : [])];
  });
}

/** What the two kinds of configurations share. */
export const webhookKind = {
  shortNames: [],
  categories: ["api-extensions"],
  status: false,
  subresources: [],
  needsRevision: true,
  prepareForCreate: ({ metadata }: KubeObject) => void Object.assign(metadata, { generation: 1 }),
  raisesGeneration: (next: WebhookConfiguration, old: WebhookConfiguration) =>
    JSON.stringify(next.webhooks) !== JSON.stringify(old.webhooks),
  validate: validateWebhooks,
  columns: [
    nameColumn,
    integer("Webhooks", "How many webhooks it names.", ({ webhooks = [] }: WebhookConfiguration) => webhooks.length),
    ageColumn,
  ],
} satisfies Partial<Kind<WebhookConfiguration>>;
