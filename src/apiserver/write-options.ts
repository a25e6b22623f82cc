/** The options of writes in a URL's query. Source: Kubernetes API reference, common parameters. */
import { invalid as invalidField, notSupported } from "../api/field-error.ts";
import type { FieldError } from "../api/kind.ts";
import type { Requester } from "./admission/dynamic/attributes.ts";
import { invalidOption } from "./list-options.ts";
import type { ApiRequest, User } from "./request.ts";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Of server-side apply: take fields from other managers. */
  readonly force: boolean;
  readonly user: User;
  readonly requester: Requester;
}

const named = ["fieldManager", "fieldValidation"] as const;

export function parseRequester({ user, query, annotate }: ApiRequest): Requester {
  const sent = named.flatMap((field) => (query.get(field) ? [[field, query.get(field)] as const] : []));
  return { user, annotate, sent: Object.fromEntries(sent) };
}

const validations = ["Ignore", "Strict", "Warn"] as const;
const maxManagerLength = 128;

const isTrue = (value: string | null): boolean => value !== null && value !== "0" && value.toLowerCase() !== "false";

function faultOf(query: URLSearchParams): FieldError | undefined {
  const dryRun = query.getAll("dryRun").filter(Boolean);
  const odd = dryRun.find((value) => value !== "All");
  if (odd !== undefined) return notSupported("dryRun", dryRun, ["All"]);
  const validation = query.get("fieldValidation");
  if (validation && !validations.some((known) => known === validation)) {
    return notSupported("fieldValidation", validation, ["", ...validations]);
  }
  const manager = query.get("fieldManager") ?? "";
  if (manager.length > maxManagerLength)
    return invalidField("fieldManager", manager, "must be no more than 128 characters");
  return undefined;
}

/** Throws ApiFault (422) for values that do not exist. The field manager defaults to the client's program name. */
export function parseWriteOptions(request: ApiRequest): WriteOptions {
  const { query, userAgent, verb, user } = request;
  const fault = faultOf(query);
  if (fault)
    throw invalidOption(
      verb === "create" ? "CreateOptions" : verb === "patch" ? "PatchOptions" : "UpdateOptions",
      fault,
    );
  return {
    dryRun: query.getAll("dryRun").includes("All"),
    fieldManager: query.get("fieldManager") || userAgent.split("/")[0] || "unknown",
    fieldValidation: validations.find((known) => known === query.get("fieldValidation")) ?? "Warn",
    force: isTrue(query.get("force")),
    user,
    requester: parseRequester(request),
  };
}
