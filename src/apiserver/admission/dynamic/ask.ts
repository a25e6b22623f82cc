/** Asks one webhook about one request. */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import { ApiFault, badRequest, forbidden, internalError } from "../../../api/status.ts";
import type { ServerContext } from "../../context.ts";
import { requestOf } from "./attributes.ts";
import { type Conditions, compileConditions, conditionsHold } from "./conditions.ts";
import type { HookCall } from "./gates.ts";
import type { Hook } from "./hooks.ts";
import { denial, responseIn, reviewOf, reviewVersionOf } from "./review.ts";
import type { Visit } from "./visit.ts";

/** The webhook could not be asked, or its answer is none: failurePolicy says what that means. */
class CallFailure extends Error {}

const defaultTimeoutSeconds = 10;
const compiled = new WeakMap<Hook, Conditions>();

/** Do the selectors and conditions choose the request? Throws ApiFault. */
export async function isChosen({ hook, as }: HookCall, visit: Visit): Promise<boolean> {
  const { matchConditions = [], failurePolicy } = hook.webhook;
  if (!visit.ofObjects(hook.objects) || !(await visit.inNamespaces(hook.namespaces))) return false;
  if (matchConditions.length === 0) return true;
  const conditions = compiled.get(hook) ?? compileConditions(matchConditions);
  compiled.set(hook, conditions);
  try {
    return conditionsHold(conditions, await visit.scopeAs(as), failurePolicy);
  } catch (error) {
    if (error instanceof ApiFault) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw forbidden(visit.attributes.kind, visit.attributes.name, why);
  }
}

/** Runs one call; a failure of it is thrown, or means nothing (failurePolicy Ignore). */
export async function withFailurePolicy<T>(
  { hook: { webhook } }: HookCall,
  call: () => Promise<T>,
  ignored: (error: Error) => void,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== "Ignore") throw internalError(error.message);
    ignored(error);
    return undefined;
  }
}

function requireNoSideEffects({ webhook: { name, sideEffects } }: Hook, dryRun: boolean): void {
  if (!dryRun || sideEffects === "None" || sideEffects === "NoneOnDryRun") return;
  throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
}

async function bodyFor(visit: Visit, as: Kind, uid: string): Promise<JsonObject> {
  const { object, oldObject } = await visit.formsAs(as);
  return { uid, ...requestOf(visit.attributes, as), object, oldObject };
}

/** The patch that it answers with, as text; undefined: none. Throws ApiFault when it says no. */
export async function askWebhook(
  { webhooks }: ServerContext,
  { hook, as }: HookCall,
  visit: Visit,
  { mutating }: { mutating: boolean },
): Promise<string | undefined> {
  const {
    name,
    clientConfig = {},
    admissionReviewVersions = [],
    timeoutSeconds = defaultTimeoutSeconds,
  } = hook.webhook;
  const failure = (why: string): CallFailure =>
    new CallFailure(`failed calling webhook ${JSON.stringify(name)}: ${why}`);
  requireNoSideEffects(hook, visit.attributes.dryRun);
  const version = reviewVersionOf(admissionReviewVersions);
  if (!version) {
    const why = "webhook does not accept known AdmissionReview versions (v1, v1beta1)";
    throw failure(`could not create admission objects: ${why}`);
  }
  const uid = randomUUID();
  const review = reviewOf(version, await bodyFor(visit, as, uid));
  const answer = await webhooks.post(clientConfig, review, timeoutSeconds).catch((error: Error) => {
    throw failure(`failed to call webhook: ${error.message}`);
  });
  const response = readResponse();
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) {
    visit.attributes.requester.annotate(`${name}/${key}`, value);
  }
  visit.warnings.push(...(response.warnings ?? []));
  if (response.allowed !== true) throw denial(name, response);
  if (response.patch && response.patchType !== "JSONPatch") {
    throw failure(`unsupported patch type ${JSON.stringify(response.patchType)}`);
  }
  return response.patch ? Buffer.from(response.patch, "base64").toString() : undefined;

  function readResponse(): ReturnType<typeof responseIn> {
    try {
      return responseIn(answer, { version: version ?? "v1", uid, mutating });
    } catch (error) {
      throw failure(`received invalid webhook response: ${(error as Error).message}`);
    }
  }
}

/** A patch that cannot be read is a failure of the call. */
export function parsePatch({ hook }: HookCall, text: string): unknown[] {
  const why = (detail: string): CallFailure =>
    new CallFailure(
      `failed calling webhook ${JSON.stringify(hook.webhook.name)}: received undecodable patch in webhook response: ${detail}`,
    );
  try {
    const patch: unknown = JSON.parse(text);
    if (Array.isArray(patch)) return patch;
  } catch (error) {
    throw why((error as Error).message);
  }
  throw why("a patch must be a list of operations");
}
