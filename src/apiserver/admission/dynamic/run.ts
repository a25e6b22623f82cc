/** Asks webhooks and policies; loaded when one of them is in the way of a request. */
import type { JsonObject } from "../../../api/json.ts";
import type { ServerContext } from "../../context.ts";
import type { Attributes } from "./attributes.ts";
import type { Calls } from "./gates.ts";
import { changeObject } from "./mutating.ts";
import { testPolicies } from "./policies.ts";
import { callValidating } from "./validating.ts";
import { Visit } from "./visit.ts";

interface Passing {
  readonly attributes: Attributes;
  readonly warnings: string[];
}

export async function mutate<T extends object>(
  server: ServerContext,
  calls: Calls,
  { attributes, warnings, again }: Passing & { again: ((object: T) => T | Promise<T>) | undefined },
): Promise<T | undefined> {
  const visit = new Visit(server, attributes, warnings);
  const repeat = again && (async (object: JsonObject) => (await again(object as T)) as JsonObject);
  const changed = await changeObject(server, calls, visit, repeat);
  return changed ? (visit.object as T) : undefined;
}

/** Policies are tested before webhooks are asked. */
export async function validate(server: ServerContext, calls: Calls, { attributes, warnings }: Passing): Promise<void> {
  const visit = new Visit(server, attributes, warnings);
  if (calls.policies.length > 0) await testPolicies(server, calls.policies, visit);
  if (calls.validating.length > 0) await callValidating(server, calls.validating, visit);
}
