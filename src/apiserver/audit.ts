/** Writes down who asked for what, one JSON line for each request. Source: Kubernetes "Auditing", audit.k8s.io/v1, level Metadata. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Decision } from "./authorization/attributes.ts";
import type { User } from "./request.ts";
import { userInfoOf } from "./reviews/user-info.ts";

/** What is known of a request at its end. */
export interface Audited {
  readonly request: IncomingMessage;
  readonly receivedMs: number;
  readonly verb: string;
  readonly user: User;
  /** The user that the request was made as, if another one. */
  readonly impersonated: User | undefined;
  readonly object: AuditedObject | undefined;
  readonly decision: Decision | undefined;
  /** What admission noted. */
  readonly notes?: Readonly<Record<string, string>>;
  readonly code: number;
}

export interface AuditedObject {
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly apiGroup?: string | undefined;
  readonly apiVersion?: string | undefined;
  readonly subresource?: string | undefined;
}

export interface Audit {
  record(audited: Audited): void;
  close(): Promise<void>;
}

/** metav1.MicroTime. */
const microTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000Z`;

export function auditEvent(audited: Audited, nowMs: number): object {
  const { request, receivedMs, verb, user, impersonated, object, decision, notes, code } = audited;
  const { "user-agent": userAgent } = request.headers;
  const forwarded = String(request.headers["x-forwarded-for"] ?? "");
  const addresses = [...forwarded.split(","), request.socket.remoteAddress ?? ""].map((text) => text.trim());
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: randomUUID(),
    stage: "ResponseComplete",
    requestURI: request.url,
    verb,
    user: userInfoOf(user),
    ...(impersonated ? { impersonatedUser: userInfoOf(impersonated) } : {}),
    sourceIPs: addresses.filter(Boolean),
    ...(userAgent ? { userAgent } : {}),
    ...(object ? { objectRef: object } : {}),
    responseStatus: { metadata: {}, code },
    requestReceivedTimestamp: microTime(receivedMs),
    stageTimestamp: microTime(nowMs),
    ...(decision
      ? {
          annotations: {
            "authorization.k8s.io/decision": decision.allowed ? "allow" : "forbid",
            "authorization.k8s.io/reason": decision.reason,
            ...notes,
          },
        }
      : {}),
  };
}

/** Appends to `file`. When it cannot be written, requests go on and the log says so once. */
export function openAudit(file: string, { clock, log }: { clock: Clock; log: Log }): Audit {
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  let failed = false;
  stream.on("error", (error) => {
    if (!failed) log.error("audit log cannot be written", { file, error });
    failed = true;
  });
  return {
    record(audited) {
      if (!failed) stream.write(`${JSON.stringify(auditEvent(audited, clock.now()))}\n`);
    },
    close: () => new Promise((resolve) => (failed ? resolve() : stream.end(() => resolve()))),
  };
}
