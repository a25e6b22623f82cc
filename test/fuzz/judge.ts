/** What an answer must be, whatever was asked. */
import type { Answer } from "../support/http-connection.ts";
import type { FuzzRequest } from "./requests.ts";

/** Undefined: nothing is wrong with it. */
export function faultOf(
  { forwarded, malformed, method, path }: FuzzRequest,
  { status, head, body }: Answer,
): string | undefined {
  // As in Kubernetes: the server waited for a revision that is not there.
  if (status === 504 && path.includes("resourceVersion=")) return undefined;
  // As in Kubernetes: no ServiceCIDR is left to take an address from, for somebody deleted them.
  if (status === 500 && /failed to allocate a serviceIP for Service\s.*:\s+range\s+is\s+full/s.test(body.toString()))
    return undefined;
  // As in Kubernetes: somebody configured a webhook that cannot be asked.
  if (status === 500 && /failed calling webhook|conversion webhook for/.test(body.toString())) return undefined;
  if (status >= 500) {
    if (forwarded && status >= 502 && status <= 504) return undefined;
    return malformed && status === 505 ? undefined : `status ${status}: ${body.toString().slice(0, 300)}`;
  }
  if (malformed) return undefined;
  if (status < 100 || Number.isNaN(status)) return "no status";
  if (method === "HEAD" || forwarded || status === 431 || (status === 400 && body.length === 0)) return undefined;
  if (/content-type: application\/json/.test(head) && !/transfer-encoding: chunked|content-encoding/.test(head))
    return jsonFault(status, body);
  return undefined;
}

function jsonFault(status: number, body: Buffer): string | undefined {
  try {
    const answer = JSON.parse(body.toString());
    if (status < 400) return undefined;
    if (answer.kind !== "Status" || answer.status !== "Failure" || answer.code !== status)
      return `status ${status} without a Status: ${body.toString().slice(0, 200)}`;
    if (typeof answer.message !== "string" || answer.message === "") return `status ${status} without a message`;
    return undefined;
  } catch {
    return `status ${status} with broken JSON: ${body.toString().slice(0, 200)}`;
  }
}
