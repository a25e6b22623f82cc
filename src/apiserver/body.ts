/** Reads request bodies: bounded, and as objects. */
import type { IncomingMessage } from "node:http";
import { lostIndentationInText } from "../api/lost-indentation.ts";
import type { parseAllDocuments } from "../lib/yaml.ts";

/** As the API server of Kubernetes: 3 MiB. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** How much of a body that is too large is read and thrown away, so that the client gets to read our answer. */
const drainBytes = 64 * 1024 * 1024;

/** The whole body, or "too-large". */
export async function readBody(request: IncomingMessage, limit = maxBodyBytes): Promise<Buffer | "too-large"> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > drainBytes) return "too-large";
  }
  return size > limit ? "too-large" : chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
}

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** One sentence's end: the first line of a parser's complaint. */
const firstLine = (error: unknown): string => (error instanceof Error ? (error.message.split("\n")[0] ?? "") : "");

async function parseYaml(text: string): Promise<Parsed> {
  const { parseAllDocuments } = await import("../lib/yaml.ts");
  try {
    return readYaml(text, parseAllDocuments(text, { maxAliasCount: 100 } as never));
  } catch (error) {
    // Too many aliases, or nested so deeply that the parser's stack ends.
    return { ok: false, reason: `the body is no valid YAML: ${firstLine(error)}` };
  }
}

function readYaml(text: string, documents: ReturnType<typeof parseAllDocuments>): Parsed {
  if (!Array.isArray(documents) || documents.length === 0) return { ok: false, reason: "the body is empty" };
  const given = documents.filter((document) => document.contents !== null);
  if (given.length > 1) return { ok: false, reason: "the body has more than one YAML document; send one at a time" };
  const document = given[0] ?? documents[0];
  const fault = document?.errors[0];
  if (fault) {
    const lost = lostIndentationInText(text);
    if (lost) return { ok: false, reason: lost };
  }
  if (!document || fault) return { ok: false, reason: `the body is no valid YAML: ${firstLine(fault)}` };
  return { ok: true, value: document.toJS({ maxAliasCount: 100 }) };
}

/** JSON; with `yaml`, text that is no JSON is read as YAML (every JSON text is YAML, but much slower so). */
export async function parseBody(body: Buffer, { yaml }: { yaml: boolean }): Promise<Parsed> {
  if (body.length === 0) return { ok: false, reason: "the body is empty" };
  const text = body.toString("utf8");
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    if (yaml) return parseYaml(text);
    return { ok: false, reason: `the body is no valid JSON: ${firstLine(error)}` };
  }
}
