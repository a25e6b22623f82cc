/** Validating webhooks: all are asked at once, and the first one, in their order, that says no is heard. */
import type { ServerContext } from "../../context.ts";
import { askWebhook, isChosen, withFailurePolicy } from "./ask.ts";
import type { HookCall } from "./gates.ts";
import type { Visit } from "./visit.ts";

export async function callValidating(server: ServerContext, calls: readonly HookCall[], visit: Visit): Promise<void> {
  const chosen: HookCall[] = [];
  for (const call of calls) if (await isChosen(call, visit)) chosen.push(call);
  const asked = chosen.map((call, index) => {
    const { name } = call.hook.webhook;
    const ignored = (error: Error): void => {
      server.log.warn("webhook failed and is passed over", { error: error.message });
      visit.attributes.requester.annotate(
        `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`,
        name,
      );
    };
    return withFailurePolicy(call, () => askWebhook(server, call, visit, { mutating: false }), ignored);
  });
  const refused = (await Promise.allSettled(asked)).find((result) => result.status === "rejected");
  if (refused) throw refused.reason;
}
