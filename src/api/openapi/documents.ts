/**
 * The API described for programs: /openapi/v3 with one document for each group version, and /openapi/v2.
 * Clients that write YAML (kubectl explain, apply, diff) read them.
 */
import { createHash } from "node:crypto";
import { pathsOf } from "./paths.ts";
import { type Published, schemasOf } from "./schemas.ts";

const info = { title: "Kubernetes", version: "fairlead" };

/** "api/v1" or "apis/apps/v1": the key in the index, and the end of the document's path. */
const rootOf = ({ group, version }: { group: string; version: string }): string =>
  group ? `apis/${group}/${version}` : `api/${version}`;

function document(kinds: readonly Published[]): string {
  const paths = Object.fromEntries(kinds.flatMap((kind) => pathsOf(kind, "v3")));
  return JSON.stringify({ openapi: "3.0.0", info, paths, components: { schemas: schemasOf(kinds, "v3") } });
}

/** The text of GET /openapi/v3/apis/GROUP/VERSION; undefined when no kind is of that version. */
export function openapiV3(group: string, version: string, kinds: readonly Published[]): string | undefined {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  return served.length > 0 ? document(served) : undefined;
}

export interface OpenapiDocuments {
  /** GET /openapi/v3: where each document is; the address changes with its content, so clients may keep it. */
  index(): string;
  /** GET /openapi/v3/{root}, e.g. "apis/apps/v1"; undefined for a root that is not served. */
  v3(root: string): string | undefined;
  /** GET /openapi/v2. */
  v2(): string;
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function openapiV2(kinds: readonly Published[]): string {
  const paths = Object.fromEntries(kinds.flatMap((kind) => pathsOf(kind, "v2")));
  return JSON.stringify({ swagger: "2.0", info, paths, definitions: schemasOf(kinds, "v2") });
}

/** All documents as JSON text, each made when it is first asked for and then kept. */
export function openapiDocuments(kinds: readonly Published[]): OpenapiDocuments {
  const roots = [...new Set(kinds.map(rootOf))];
  const documents = new Map(
    roots.map((root) => [root, lazily(() => document(kinds.filter((kind) => rootOf(kind) === root)))]),
  );
  const addressOf = ([root, text]: readonly [string, () => string]) => {
    const hash = createHash("sha256").update(text()).digest("hex").toUpperCase();
    return [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }] as const;
  };
  return {
    index: lazily(() => JSON.stringify({ paths: Object.fromEntries([...documents].map(addressOf)) })),
    v3: (root) => documents.get(root)?.(),
    v2: lazily(() => openapiV2(kinds)),
  };
}
