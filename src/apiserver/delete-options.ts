/** DeleteOptions come in the body, in the query, or both. */
import { invalid as invalidField, notSupported } from "../api/field-error.ts";
import { badRequest } from "../api/status.ts";
import { parseRequestBody } from "./decode-object.ts";
import type { DeleteOptions } from "./deletion.ts";
import { invalidOption } from "./list-options.ts";
import type { ApiRequest } from "./request.ts";

export interface ParsedDeleteOptions extends DeleteOptions {
  readonly dryRun: boolean;
}

const policies = ["Foreground", "Background", "Orphan"] as const;

function fromQuery(query: URLSearchParams): Record<string, unknown> {
  const grace = query.get("gracePeriodSeconds");
  const orphan = query.get("orphanDependents");
  return {
    ...(grace ? { gracePeriodSeconds: Number(grace) } : {}),
    ...(query.get("propagationPolicy") ? { propagationPolicy: query.get("propagationPolicy") } : {}),
    ...(orphan ? { orphanDependents: orphan === "true" } : {}),
    ...(query.getAll("dryRun").length > 0 ? { dryRun: query.getAll("dryRun") } : {}),
  };
}

export function checkDeleteOptions(given: Record<string, unknown>): ParsedDeleteOptions {
  const { gracePeriodSeconds, orphanDependents, preconditions, dryRun = [] } = given;
  const dry = Array.isArray(dryRun) ? dryRun.filter(Boolean) : [dryRun];
  if (dry.some((value) => value !== "All")) throw invalidOption("DeleteOptions", notSupported("dryRun", dry, ["All"]));
  if (orphanDependents !== undefined && given.propagationPolicy !== undefined) {
    const detail = "orphanDependents and deletionPropagation cannot be both set";
    throw invalidOption("DeleteOptions", invalidField("propagationPolicy", given.propagationPolicy, detail));
  }
  const policy =
    given.propagationPolicy ??
    (orphanDependents === undefined ? undefined : orphanDependents ? "Orphan" : "Background");
  if (policy !== undefined && !policies.some((known) => known === policy)) {
    throw invalidOption("DeleteOptions", notSupported("propagationPolicy", policy, [...policies, "nil"]));
  }
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw badRequest("gracePeriodSeconds: Invalid value: must be a whole number of seconds");
  }
  return {
    gracePeriodSeconds: gracePeriodSeconds as number | undefined,
    propagationPolicy: policy as DeleteOptions["propagationPolicy"],
    preconditions: (preconditions ?? undefined) as DeleteOptions["preconditions"],
    dryRun: dry.length > 0,
  };
}

/** Throws ApiFault for a body that is no DeleteOptions. */
export async function parseDeleteOptions(request: ApiRequest): Promise<ParsedDeleteOptions> {
  const body = request.body.length > 0 ? await parseRequestBody(request) : {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("Cannot read the request: the body must be a DeleteOptions object");
  }
  return checkDeleteOptions({ ...fromQuery(request.query), ...body });
}
