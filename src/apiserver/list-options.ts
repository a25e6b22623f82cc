/** The options of list, watch and deletecollection in a URL's query. Source: Kubernetes "API Concepts", resource versions. */
import type { FieldError } from "../api/kind.ts";
import { type ApiFault, badRequest, invalid } from "../api/status.ts";

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string;
  /** Undefined: the newest. 0: any. */
  readonly resourceVersion: number | undefined;
  readonly resourceVersionMatch: "Exact" | "NotOlderThan" | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean;
}

type OptionFault = FieldError;

/** 422 for options that cannot be. */
export function invalidOption(kind: string, fault: FieldError): ApiFault {
  return invalid({ group: "meta.k8s.io", kind }, "", [fault]);
}

const isTrue = (value: string | null): boolean => value !== null && value !== "0" && value.toLowerCase() !== "false";

/** Throws ApiFault (400) for what is no number. */
function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d{1,15}$/.test(text) || (name === "resourceVersion" && text.startsWith("-"))) {
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  }
  return Number(text);
}

function checkMatch(query: URLSearchParams, watch: boolean): OptionFault | undefined {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  const forbid = (detail: string): OptionFault => ({
    reason: "FieldValueForbidden",
    field: "resourceVersionMatch",
    detail: `Forbidden: ${detail}`,
  });
  const initial = query.get("sendInitialEvents");
  if (!watch && initial !== null) {
    return { ...forbid("sendInitialEvents is forbidden for list"), field: "sendInitialEvents" };
  }
  if (watch && initial !== null && match !== "NotOlderThan") {
    return forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (match === "") return undefined;
  if (watch && initial === null) {
    return forbid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  if (!watch && version === "") return forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (query.get("continue")) return forbid("resourceVersionMatch is forbidden when continue is provided");
  if (match !== "Exact" && match !== "NotOlderThan") {
    const detail = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    return { reason: "FieldValueNotSupported", field: "resourceVersionMatch", detail };
  }
  if (match === "Exact" && version === "0")
    return forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  return undefined;
}

/** The options, or the one fault that makes them unusable. */
export function parseListOptions(query: URLSearchParams, { watch = false } = {}): ListOptions | { fault: OptionFault } {
  const revision = whole(query, "resourceVersion");
  const limit = whole(query, "limit") ?? 0;
  const timeout = whole(query, "timeoutSeconds") ?? 0;
  const fault = checkMatch(query, watch);
  if (fault) return { fault };
  const token = query.get("continue") ?? "";
  if (token && revision) throw badRequest("specifying resource version is not allowed when using continue");
  return {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    limit: Math.max(limit, 0),
    continue: token,
    resourceVersion: revision,
    resourceVersionMatch: (query.get("resourceVersionMatch") || undefined) as ListOptions["resourceVersionMatch"],
    timeoutSeconds: timeout > 0 ? timeout : undefined,
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: isTrue(query.get("sendInitialEvents")),
  };
}
