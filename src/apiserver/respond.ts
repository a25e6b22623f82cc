/** Sends answers: the negotiated form, warnings, compression. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { ApiFault, internalError } from "../api/status.ts";
import { formatList, formatObject, type ListHead } from "./forms.ts";
import { mediaTypes, type Negotiated, negotiateStatus } from "./negotiate.ts";
import type { Reply } from "./reply.ts";
import { loadForms } from "./stored-form.ts";

const compress = promisify(gzip);

/** Smaller answers are sent as they are, as in Kubernetes. */
const gzipFromBytes = 128 * 1024;

/** A quoted-string of RFC 9110, section 5.6.4; control characters can not stand in a header. */
const quoted = (text: string): string =>
  `"${[...text]
    .map((char) => (char < " " || char === "\u007f" ? " " : char))
    .join("")
    .replace(/["\\]/g, "\\$&")}"`;

/** Headers are Latin-1: what does not fit becomes "?". */
const headerText = (text: string): string => [...text].map((char) => (char > "\u00ff" ? "?" : char)).join("");

export interface Answer {
  readonly code: number;
  readonly contentType: string;
  readonly body: Buffer;
  readonly warnings?: readonly string[];
}

export async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { code, contentType, body, warnings = [] } = answer;
  response.setHeader("content-type", contentType);
  response.setHeader("cache-control", "no-cache, private");
  if (warnings.length > 0) {
    response.setHeader(
      "warning",
      [...new Set(warnings)].map((text) => headerText(`299 - ${quoted(text)}`)),
    );
  }
  const wantsGzip = body.length >= gzipFromBytes && /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  const bytes = wantsGzip ? await compress(body, { level: constants.Z_BEST_SPEED }) : body;
  if (wantsGzip) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", bytes.length);
  response.writeHead(code);
  response.end(request.method === "HEAD" ? undefined : bytes);
}

type Body = Exclude<Reply, { type: "stream" }>;

const headOf = (reply: Extract<Reply, { type: "list" }>): ListHead => ({
  resourceVersion: String(reply.revision),
  ...(reply.continue === undefined ? {} : { continue: reply.continue }),
  ...(reply.remaining === undefined ? {} : { remainingItemCount: reply.remaining }),
});

function jsonBody(reply: Body, { form }: Negotiated, url: URLSearchParams, now: number): Buffer {
  const style = { includeObject: url.get("includeObject"), now };
  switch (reply.type) {
    case "object":
      return formatObject(reply.kind, reply.value, form, style);
    case "list":
      return formatList(reply.kind, { values: reply.values, head: headOf(reply) }, form, style);
    case "json":
      return Buffer.from(`${JSON.stringify(reply.body)}\n`);
  }
}

async function yamlBody(json: Buffer): Promise<Buffer> {
  const { stringify } = await import("../lib/yaml.ts");
  return Buffer.from(stringify(JSON.parse(json.toString())));
}

/** Undefined: the answer has no such form. */
async function protobufBody(reply: Body, { form }: Negotiated): Promise<Buffer | undefined> {
  const { protobufList, protobufObject, protobufOf } = await import("./protobuf/forms.ts");
  switch (reply.type) {
    case "object":
      return protobufObject(reply.kind, reply.value, form);
    case "list":
      return protobufList(reply.kind, reply.values, headOf(reply), form);
    case "json":
      return protobufOf(reply.body);
  }
}

async function encodeReply(
  reply: Body,
  negotiated: Negotiated,
  url: URLSearchParams,
  now: number,
): Promise<{ contentType: string; body: Buffer }> {
  const { encoding } = negotiated;
  if (reply.type === "object") await loadForms(reply.kind, [reply.value]);
  if (reply.type === "list") await loadForms(reply.kind, reply.values);
  const binary = encoding === "protobuf" ? await protobufBody(reply, negotiated) : undefined;
  if (binary) return { contentType: mediaTypes.protobuf, body: binary };
  const json = jsonBody(reply, negotiated, url, now);
  if (encoding !== "yaml") return { contentType: mediaTypes.json, body: json };
  return { contentType: mediaTypes.yaml, body: await yamlBody(json) };
}

export async function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  { reply, negotiated, query, now }: { reply: Reply; negotiated: Negotiated; query: URLSearchParams; now: number },
): Promise<void> {
  if (reply.type === "stream") {
    for (const text of new Set(reply.warnings)) response.appendHeader("warning", headerText(`299 - ${quoted(text)}`));
    await reply.run(response, request);
    return;
  }
  const encoded = await encodeReply(reply, negotiated, query, now);
  await send(request, response, { code: reply.code ?? 200, warnings: reply.warnings ?? [], ...encoded });
}

export const faultOf = (error: unknown): ApiFault =>
  error instanceof ApiFault ? error : internalError(error instanceof Error ? error.message : String(error));

export async function sendStatus(
  request: IncomingMessage,
  response: ServerResponse,
  { status, warnings }: Pick<ApiFault, "status" | "warnings">,
): Promise<void> {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined) response.setHeader("retry-after", retry);
  const encoding = negotiateStatus(String(request.headers.accept ?? ""));
  const json = Buffer.from(`${JSON.stringify(status)}\n`);
  const body =
    encoding === "protobuf"
      ? (await import("./protobuf/forms.ts")).protobufStatus(status)
      : encoding === "yaml"
        ? await yamlBody(json)
        : json;
  await send(request, response, { code: status.code, contentType: mediaTypes[encoding], body, warnings });
}
