import type { Kind } from "../kind.ts";
import type { ValidatingWebhookConfiguration } from "../object.ts";
import { validatingWebhookConfigurations } from "../resource.ts";
import { defaultWebhooks, webhookKind } from "./_webhook.ts";

export const validatingWebhookConfigurationKind: Kind<ValidatingWebhookConfiguration> = {
  ...webhookKind,
  ...validatingWebhookConfigurations,
  singular: "validatingwebhookconfiguration",
  schema: "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
  setDefaults: defaultWebhooks,
};
