/** Who changes objects: policies, then webhooks, one after the other; each sees what those before it left. Source: Kubernetes "Dynamic Admission Control", reinvocationPolicy. */
import { cloneJson, type JsonObject, jsonEqual } from "../../../api/json.ts";
import { jsonPatch } from "../../../api/patch/json-patch.ts";
import { ApiFault, internalError } from "../../../api/status.ts";
import type { ServerContext } from "../../context.ts";
import { askWebhook, isChosen, parsePatch, withFailurePolicy } from "./ask.ts";
import { takeForm } from "./changed-form.ts";
import type { Calls, HookCall } from "./gates.ts";
import { applyPolicies } from "./mutating-policies.ts";
import { Rounds } from "./rounds.ts";
import type { Visit } from "./visit.ts";

type Again = (object: JsonObject) => Promise<JsonObject>;

/** True: the object is another one now. */
async function patchObject(call: HookCall, visit: Visit, patch: unknown[]): Promise<boolean> {
  const { object } = visit;
  const { as, hook } = call;
  if (!object) {
    const why = "attempted to modify the object, which is not supported for this operation";
    throw internalError(`admission webhook ${JSON.stringify(hook.webhook.name)} ${why}`);
  }
  const before = (await visit.formsAs(as)).object;
  try {
    const patched = jsonPatch(cloneJson(before), patch);
    return await takeForm(visit, as, patched);
  } catch (error) {
    // The start of the sentence is that of a client's own mistake.
    const text = error instanceof ApiFault && error.message.replace(/^.* cannot be handled as a \w+: /, "");
    throw text === false ? error : internalError(text);
  }
}

interface Round {
  readonly number: 0 | 1;
  readonly index: number;
}

/** True: it changed the object. */
async function callOne(server: ServerContext, call: HookCall, visit: Visit, round: Round): Promise<boolean> {
  const { name } = call.hook.webhook;
  const { configuration } = call.hook;
  const { annotate } = visit.attributes.requester;
  const place = `round_${round.number}_index_${round.index}`;
  const ask = async (): Promise<boolean> => {
    const text = await askWebhook(server, call, visit, { mutating: true });
    const patch = text === undefined ? [] : parsePatch(call, text);
    return patch.length > 0 && (await patchObject(call, visit, patch));
  };
  const ignored = (error: Error): void => {
    server.log.warn("webhook failed and is passed over", { error: error.message });
    annotate(`failed-open.mutation.webhook.admission.k8s.io/${place}`, name);
  };
  const mutated = (await withFailurePolicy(call, ask, ignored)) ?? false;
  annotate(`mutation.webhook.admission.k8s.io/${place}`, JSON.stringify({ configuration, webhook: name, mutated }));
  return mutated;
}

async function callWebhooks(
  server: ServerContext,
  calls: readonly HookCall[],
  visit: Visit,
  { number, rounds }: { number: 0 | 1; rounds: Rounds },
): Promise<void> {
  for (const [index, call] of calls.entries()) {
    const { key, webhook } = call.hook;
    if ((number === 1 && !rounds.isRepeated(key)) || !(await isChosen(call, visit))) continue;
    const changed = await callOne(server, call, visit, { number, index });
    rounds.ran(key, { changed, willing: webhook.reinvocationPolicy === "IfNeeded" });
  }
}

/** True: the object has changed. `again`: the server's own admission, which looks at changed objects once more. */
export async function changeObject(
  server: ServerContext,
  { mutators, mutating }: Calls,
  visit: Visit,
  again: Again | undefined,
): Promise<boolean> {
  const plugins = [
    { rounds: new Rounds(), run: applyPolicies.bind(undefined, server, mutators, visit) },
    { rounds: new Rounds(), run: callWebhooks.bind(undefined, server, mutating, visit) },
  ];
  const runAll = async (number: 0 | 1): Promise<void> => {
    for (const { rounds, run } of plugins) {
      if (number === 1 && !jsonEqual(rounds.output, visit.object)) rounds.repeatAsked();
      await run({ number, rounds });
      rounds.output = visit.object;
    }
  };
  await runAll(0);
  if (!plugins.some(({ rounds }) => rounds.changed)) return false;
  if (again && visit.object) visit.replaceObject(await again(cloneJson(visit.object)));
  // One that is asked again may bring back others that stand behind it.
  await runAll(1);
  return true;
}
