/** Mutating webhooks: one after the other, each sees what those before it left. Source: Kubernetes "Dynamic Admission Control", reinvocationPolicy. */
import { type JsonObject, jsonEqual } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import { jsonPatch } from "../../../api/patch/json-patch.ts";
import { ApiFault, internalError } from "../../../api/status.ts";
import type { StoredObject } from "../../codec.ts";
import type { ServerContext } from "../../context.ts";
import { decodeObject } from "../../decode-object.ts";
import { convertedForm } from "../../stored-form.ts";
import { askWebhook, isChosen, parsePatch, withFailurePolicy } from "./ask.ts";
import type { HookCall } from "./gates.ts";
import type { Visit } from "./visit.ts";

type Again = (object: JsonObject) => Promise<JsonObject>;

/** What a patch made, as an object of its kind with its defaults. */
function readPatched(value: unknown, as: Kind): JsonObject {
  const { object } = decodeObject(value, as, { fieldValidation: "Ignore" });
  as.setDefaults?.(object);
  return object as unknown as JsonObject;
}

/** True: the object is another one now. */
async function patchObject(call: HookCall, visit: Visit, patch: unknown[]): Promise<boolean> {
  const { attributes, object } = visit;
  const { as, hook } = call;
  if (!object) {
    const why = "attempted to modify the object, which is not supported for this operation";
    throw internalError(`admission webhook ${JSON.stringify(hook.webhook.name)} ${why}`);
  }
  const before = (await visit.formsAs(as)).object;
  try {
    const patched = jsonPatch(structuredClone(before), patch);
    const next = attributes.type ? (patched as JsonObject) : readPatched(patched, as);
    if (jsonEqual(next, before)) return false;
    const own = as === attributes.kind || attributes.type;
    const back = own ? next : await convertedForm(as, attributes.kind, next as unknown as StoredObject);
    visit.replaceObject(back as unknown as JsonObject);
    return true;
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

/** True: the object has changed. `again`: the server's own admission, which looks at changed objects once more. */
export async function callMutating(
  server: ServerContext,
  calls: readonly HookCall[],
  visit: Visit,
  again: Again | undefined,
): Promise<boolean> {
  /** Asked, and willing to be asked again. */
  const willing = new Set<HookCall>();
  const repeated = new Set<HookCall>();
  const repeatAsked = (): void => {
    for (const call of willing) repeated.add(call);
    willing.clear();
  };
  const runAll = async (number: 0 | 1, chosen: (call: HookCall) => boolean): Promise<boolean> => {
    let changed = false;
    for (const [index, call] of calls.entries()) {
      if (!chosen(call) || !(await isChosen(call, visit))) continue;
      if (await callOne(server, call, visit, { number, index })) {
        changed = true;
        repeatAsked();
      }
      if (call.hook.webhook.reinvocationPolicy === "IfNeeded") willing.add(call);
    }
    return changed;
  };
  if (!(await runAll(0, () => true))) return false;
  if (again && visit.object) {
    const next = await again(structuredClone(visit.object));
    if (!jsonEqual(next, visit.object)) {
      visit.replaceObject(next);
      repeatAsked();
    }
  }
  // One that is asked again may bring back others that stand behind it.
  await runAll(1, (call) => repeated.has(call));
  return true;
}
