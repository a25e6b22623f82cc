import type { Kind } from "../kind.ts";
import type { MutatingWebhookConfiguration } from "../object.ts";
import { mutatingWebhookConfigurations } from "../resource.ts";
import { defaultWebhooks, webhookKind } from "./_webhook.ts";

export const mutatingWebhookConfigurationKind: Kind<MutatingWebhookConfiguration> = {
  ...webhookKind,
  ...mutatingWebhookConfigurations,
  singular: "mutatingwebhookconfiguration",
  schema: "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
  setDefaults(configuration) {
    defaultWebhooks(configuration);
    for (const webhook of configuration.webhooks ?? []) webhook.reinvocationPolicy ??= "Never";
  },
};
