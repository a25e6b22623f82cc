/** Reads what a request asks for from its method and URL. */
import type { Kind } from "../api/kind.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** A request for objects, e.g. GET /api/v1/namespaces/default/pods/a/log → { verb: "get", namespace: "default", name: "a", subresource: "log" }. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource, e.g. the path of a proxied request. */
  readonly rest: readonly string[];
  /** The old form /api/v1/watch/… */
  readonly watch: boolean;
}

const namespaceSubresources = new Set(["status", "finalize"]);

/** Undefined: no path of a resource (e.g. /version, or discovery). Throws URIError for a broken escape. */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const parts = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== "api" && root !== "apis") return undefined;
  const group = root === "api" ? "" : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined) return undefined;
  const watch = parts[0] === "watch" && parts.length > 1;
  if (watch) parts.shift();
  const [first, second, third] = parts;
  const inNamespace =
    first === "namespaces" &&
    second !== undefined &&
    third !== undefined &&
    (group !== "" || !namespaceSubresources.has(third));
  const namespace = inNamespace ? second : undefined;
  const [plural, name, subresource, ...rest] = inNamespace ? parts.slice(2) : parts;
  if (plural === undefined) return undefined;
  return { group, version, plural, namespace, name, subresource, rest, watch };
}

const isTrue = (value: string | null): boolean => value !== null && value !== "0" && value.toLowerCase() !== "false";

/** The verb of Kubernetes for an HTTP method; undefined: the method is not served there. */
export function verbOf(
  method: string,
  { name, watch, subresource }: ResourcePath,
  query: URLSearchParams,
): Verb | undefined {
  switch (method) {
    case "GET":
    case "HEAD":
      if (subresource === "proxy") return "get";
      // The head of a stream that would not end is of no use.
      if (method === "GET" && (watch || isTrue(query.get("watch")))) return "watch";
      return name === undefined ? "list" : "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "OPTIONS":
      return subresource === "proxy" ? "get" : undefined;
    case "DELETE":
      return name === undefined ? "deletecollection" : "delete";
    default:
      return undefined;
  }
}

/** Who asks, e.g. { name: "system:serviceaccount:default:web", groups: ["system:serviceaccounts", …], uid: "…" }. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  /** What the credential says beside, e.g. { "authentication.kubernetes.io/pod-name": ["web-0"] }. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A request for objects of one kind, ready for its verb. */
export interface ApiRequest {
  readonly verb: Verb;
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows a proxy in the path. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
  readonly user: User;
  /** As sent in the header User-Agent: the default field manager comes from it. */
  readonly userAgent: string;
  readonly contentType: string;
  /** The whole body; empty for verbs without one. */
  readonly body: Buffer;
  readonly accept: string;
  /** Notes something of the request for the audit log. */
  readonly annotate: (key: string, value: string) => void;
}
