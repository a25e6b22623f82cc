/** Random requests: most are such as clients send, some are hostile in path, query, header or body. */
import type { Kind } from "../../src/api/kind.ts";
import { kinds } from "../../src/api/kinds/mod.ts";
import { requestBytes } from "../support/http-connection.ts";
import { Bodies, type Body } from "./bodies.ts";
import type { Random } from "./random.ts";
import { samplesOf } from "./samples.ts";
import { names, namespaces } from "./values.ts";

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly bytes: Buffer;
  /** It goes on to a node or a Pod, of which there are none: 502 to 504 are right answers. */
  readonly forwarded: boolean;
  /** The head is no HTTP: 400, or an end of the connection, are right. */
  readonly malformed: boolean;
}

type Target = Pick<Kind, "group" | "version" | "plural" | "namespaced" | "subresources">;

export const widgets = {
  group: "example.com",
  version: "v1",
  plural: "widgets",
  namespaced: true,
  subresources: ["scale"],
  kind: "Widget",
  schema: "",
} as unknown as Kind;
const targets: readonly Kind[] = [
  ...kinds,
  // Those of which most can be said.
  ...kinds.filter((kind) => samplesOf(kind).length > 0),
  ...kinds.filter(({ plural }) => plural === "services" || plural === "pods"),
  widgets,
];
const forwarding = /\/(proxy|log|exec|attach|portforward)(\/|\?|$)/;

const odds = [
  "%00",
  "%",
  "%zz",
  "..",
  "%2e%2e%2f",
  "a%2Fb",
  "%c3%28",
  "é",
  "a".repeat(5000),
  "//",
  ";",
  "*",
  "{name}",
  "__proto__",
  "constructor",
  " ",
];
const accepts = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "*/*",
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=X",
  "text/html",
  ";;;,,,q=",
  "application/vnd.kubernetes.protobuf;stream=watch,application/json;q=0.1",
];
const hostileHeaders: readonly Readonly<Record<string, string>>[] = [
  { authorization: "Bearer x" },
  { authorization: "Bearer a.b.c" },
  { authorization: "Basic eDp5" },
  { authorization: "Bearer eyJhbGciOiJub25lIn0.e30." },
  { authorization: "Bearer eyJhbGciOiJFUzI1NiJ9.bnVsbA.AAAA" },
  { "impersonate-user": "bob" },
  { "impersonate-user": "\xff\xfe" },
  { "impersonate-group": "system:masters" },
  { "impersonate-user": "a", "impersonate-extra-%zz": "x" },
  { "accept-encoding": "gzip;q=0, br, *" },
  { "accept-encoding": "gzip" },
  { "x-big": "x".repeat(8000) },
  { upgrade: "websocket", connection: "upgrade" },
  { upgrade: "SPDY/3.1", connection: "Upgrade" },
  { expect: "100-continue" },
  { "user-agent": "\x7f/é" },
  { "user-agent": "" },
  { range: "bytes=0-1" },
  { cookie: "a=b; ".repeat(200) },
  { "content-encoding": "gzip" },
  { "if-match": "*" },
  { host: "[::1" },
  { origin: "null" },
  { "x-http-method-override": "DELETE" },
];
const selectors = [
  "app=web",
  "app in (a,b)",
  "!app",
  "a=",
  "==",
  "app notin (",
  ",,",
  "x".repeat(400),
  "a=b,c!=d",
  "metadata.name=web",
  "spec.nodeName=node-1",
  "metadata.name!=",
  "status.phase=x,,",
];
const numbers = ["0", "1", "5", "-1", "1.5", "x", "999999999999999999", "", "1e3"];
const booleans = ["true", "false", "1", "x", ""];
const parameters: Readonly<Record<string, readonly string[]>> = {
  labelSelector: selectors,
  fieldSelector: selectors,
  limit: numbers,
  continue: ["", "x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJ4In0", "bnVsbA", "W10"],
  resourceVersion: numbers,
  resourceVersionMatch: ["Exact", "NotOlderThan", "x"],
  allowWatchBookmarks: booleans,
  sendInitialEvents: booleans,
  dryRun: ["All", "All", "x", ""],
  fieldManager: ["me", "x".repeat(200), "", "\u0007"],
  fieldValidation: ["Strict", "Warn", "Ignore", "x"],
  force: booleans,
  propagationPolicy: ["Foreground", "Background", "Orphan", "x"],
  gracePeriodSeconds: numbers,
  orphanDependents: booleans,
  pretty: booleans,
  includeObject: ["None", "Metadata", "Object", "x"],
  timeout: ["1s", "x", "-1s"],
  follow: booleans,
  container: ["c", ""],
  tailLines: numbers,
  command: ["sh", ""],
  ports: numbers,
  path: ["/", "x", "//evil"],
};

/** Of most requests, so that they meet what others made. */
const fewNames = ["a", "web", "node-1"];

const methods = [
  "GET",
  "GET",
  "GET",
  "POST",
  "POST",
  "POST",
  "PUT",
  "PUT",
  "PATCH",
  "PATCH",
  "DELETE",
  "HEAD",
  "OPTIONS",
];
const fixed = [
  "/",
  "/api",
  "/apis",
  "/api/v1",
  "/apis/apps",
  "/apis/apps/v1",
  "/version",
  "/healthz",
  "/readyz?verbose",
  "/livez/ping",
  "/metrics",
  "/openapi/v2",
  "/openapi/v3",
  "/openapi/v3/api/v1?hash=x",
  "/openapi/v3/../..",
  "/.well-known/openid-configuration",
  "/openid/v1/jwks",
  "/apis/x/y/z",
  "/api/v2/pods",
  "/favicon.ico",
  "/api/v1/watch/pods?timeoutSeconds=1",
  "/logs",
  "/ui",
];

export class Requests {
  readonly #random: Random;
  readonly #bodies: Bodies;

  constructor(random: Random) {
    this.#random = random;
    this.#bodies = new Bodies(random);
  }

  next(): FuzzRequest {
    const random = this.#random;
    if (random.chance(0.03)) return this.#request(random.pick(methods), random.pick(fixed), undefined);
    if (random.chance(0.004)) return this.#malformed();
    const kind = random.pick(targets);
    const method = random.pick(methods);
    const whole = method === "POST" && random.chance(0.9);
    const name = whole || random.chance(0.1) ? undefined : random.pick(random.chance(0.7) ? fewNames : names);
    const namespace =
      kind.namespaced && random.chance(0.95)
        ? random.pick(namespaces.slice(0, random.chance(0.92) ? 2 : 4))
        : undefined;
    const path = this.#path(kind, { name, namespace, method });
    return this.#request(method, path, this.#body(method, kind, { name, namespace }));
  }

  #path(
    kind: Target,
    { name, namespace, method }: { name: string | undefined; namespace: string | undefined; method: string },
  ): string {
    const random = this.#random;
    const subresource =
      name && random.chance(0.18)
        ? random.pick(["status", ...kind.subresources, ...kind.subresources, "finalize", "nothing"])
        : undefined;
    const parts = [
      kind.group ? `apis/${kind.group}` : "api",
      kind.version,
      ...(random.chance(0.01) ? ["watch"] : []),
      ...(namespace ? ["namespaces", namespace] : []),
      kind.plural,
      ...(name ? [name] : []),
      ...(subresource ? [subresource] : []),
      ...(subresource === "proxy" ? [random.pick(["", "a/b", "..%2f"])] : []),
    ];
    if (random.chance(0.03)) parts[random.int(parts.length)] = random.pick(odds);
    const query = this.#query(parts.includes("watch") || (method === "GET" && !name && random.chance(0.15)));
    return `/${parts.join("/")}${query}`;
  }

  #query(watch: boolean): string {
    const random = this.#random;
    // So that it ends by itself.
    const pairs: string[] = watch ? ["watch=true", "timeoutSeconds=1"] : [];
    while (random.chance(0.4) && pairs.length < 8) {
      const [name, values] = random.pick(Object.entries(parameters));
      const value = random.chance(0.03) ? random.pick(odds) : encodeURIComponent(random.pick(values));
      pairs.push(`${name}=${value}`);
    }
    return pairs.length > 0 ? `?${pairs.join("&")}` : "";
  }

  #body(
    method: string,
    kind: Kind,
    { name, namespace }: { name: string | undefined; namespace: string | undefined },
  ): Body | undefined {
    const random = this.#random;
    if (method === "GET" || method === "HEAD" || method === "OPTIONS") return undefined;
    const given = random.chance(0.97) ? namespace : "elsewhere";
    const data = this.#bodies.data(kind, name ?? (random.chance(0.6) ? random.pick(fewNames) : undefined), given);
    if (method === "PATCH") return this.#bodies.patch(kind, data);
    if (method !== "DELETE") return this.#bodies.whole(kind, data);
    const options = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: random.pick<unknown>([0, 1, -1, "x"]),
      propagationPolicy: random.pick<unknown>(["Foreground", "Orphan", 1]),
      preconditions: random.pick<unknown>([{ uid: "x" }, { resourceVersion: "1" }, null, 3]),
    };
    return random.chance(0.6)
      ? undefined
      : { type: "application/json", bytes: Buffer.from(JSON.stringify(random.chance(0.8) ? options : data)) };
  }

  #request(method: string, path: string, body: Body | undefined): FuzzRequest {
    const random = this.#random;
    const headers = {
      accept: random.chance(0.7) ? "application/json" : random.pick(accepts),
      ...(body ? { "content-type": body.type } : {}),
      ...(random.chance(0.06) ? random.pick(hostileHeaders) : {}),
    };
    const bytes =
      body && random.chance(0.05)
        ? chunked(random, method, path, headers, body.bytes)
        : requestBytes(method, path, { headers, ...(body ? { body: body.bytes } : {}) });
    // Bytes that HTTP forbids in a request line.
    const malformed =
      /[^\x21-\x7e]/.test(path) || "host" in headers || /[^\x20-\x7e]/.test(Object.values(headers).join(""));
    return { method, path, bytes, forwarded: forwarding.test(path), malformed };
  }

  #malformed(): FuzzRequest {
    const random = this.#random;
    const text = random.pick([
      "GET / HTTP/9.9\r\n\r\n",
      "GET /\r\n\r\n",
      "\r\n\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET * HTTP/1.1\r\nhost: x\r\n\r\n",
      "CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET http://other/api/v1/pods HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET /api HTTP/1.1\r\n\r\n",
      "BREW /api/v1/pods HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET /api HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
      "TRACE /api HTTP/1.1\r\nhost: x\r\n\r\n",
      "POST /api/v1/pods HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /api HTTP/1.1\r\nhost: x\r\nbad header: x\r\n\r\n",
      "POST /api/v1/pods HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
      `GET /api HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(100_000)}\r\n\r\n`,
      `GET /${"a".repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET /api HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(5000)}\r\n`,
      "GET /api HTTP/1.0\r\n\r\n",
      "GET /api HTTP/1.1\nhost: x\n\n",
    ]);
    return {
      method: "",
      path: JSON.stringify(text.slice(0, 80)),
      bytes: Buffer.from(text, "latin1"),
      forwarded: false,
      malformed: true,
    };
  }
}

function chunked(
  random: Random,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Buffer<ArrayBuffer> {
  const lines = Object.entries({ host: "127.0.0.1", ...headers, "transfer-encoding": "chunked" }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const parts: Buffer[] = [Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1")];
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + 1 + random.int(2000));
    parts.push(Buffer.from(`${part.length.toString(16)};ext=1\r\n`), part, Buffer.from("\r\n"));
    at += part.length;
  }
  parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}
