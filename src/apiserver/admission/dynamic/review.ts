/** AdmissionReview: what a webhook is asked, and what it answers (pure). Source: admission.k8s.io/v1. */
import type { JsonObject } from "../../../api/json.ts";
import { ApiFault, type Status } from "../../../api/status.ts";

type ReviewVersion = "v1" | "v1beta1";

interface AdmissionResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Partial<Status>;
  readonly patch?: string;
  readonly patchType?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly warnings?: readonly string[];
}

interface Review {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly response?: AdmissionResponse;
}

/** The first version that both sides know. */
export const reviewVersionOf = (versions: readonly string[]): ReviewVersion | undefined =>
  versions.find((version): version is ReviewVersion => version === "v1" || version === "v1beta1");

export function reviewOf(version: ReviewVersion, request: JsonObject): JsonObject {
  return { kind: "AdmissionReview", apiVersion: `admission.k8s.io/${version}`, request };
}

function typeText({ apiVersion = "", kind = "" }: Review): string {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return `${group}/${version}, Kind=${kind}`;
}

function patchFault({ patch, patchType }: AdmissionResponse, mutating: boolean): string | undefined {
  if (mutating) {
    if (patch && patchType === undefined) return "webhook returned response.patch but not response.patchType";
    if (!patch && patchType !== undefined) return "webhook returned response.patchType but not response.patch";
    return patchType === "" ? 'webhook returned invalid response.patchType of ""' : undefined;
  }
  if (patch) return "validating webhook may not return response.patch";
  return patchType === undefined ? undefined : "validating webhook may not return response.patchType";
}

/** Throws an Error that says what is wrong with the answer. */
export function responseIn(
  answer: unknown,
  { version, uid, mutating }: { version: ReviewVersion; uid: string; mutating: boolean },
): AdmissionResponse {
  const review = (typeof answer === "object" && answer !== null ? answer : {}) as Review;
  const { response } = review;
  if (!response) throw new Error("webhook response was absent");
  // The older form was never held to this.
  if (version === "v1beta1") return { ...response, ...(mutating && response.patch ? { patchType: "JSONPatch" } : {}) };
  if (response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  }
  const expected = "admission.k8s.io/v1, Kind=AdmissionReview";
  if (typeText(review) !== expected) {
    throw new Error(`expected webhook response of ${expected}, got ${typeText(review)}`);
  }
  const fault = patchFault(response, mutating);
  if (fault) throw new Error(fault);
  return response;
}

/** What the client is told when a webhook says no. */
export function denial(webhook: string, { status: given = {} }: AdmissionResponse): ApiFault {
  const { code = 0, message, reason, details } = given;
  const text = message || reason;
  const start = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  return new ApiFault({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: text ? `${start}: ${text}` : `${start} without explanation`,
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code: Math.max(code, 400),
  });
}
