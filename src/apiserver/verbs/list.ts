/** GET of a collection: the stored bytes are joined, never encoded again. Source: Kubernetes "API Concepts", chunked lists and resource versions. */
import type { Kind } from "../../api/kind.ts";
import { badRequest, continueExpired, resourceVersionTooOld } from "../../api/status.ts";
import { CompactedError, type Entry, type ListResult, type Store } from "../../store/store.ts";
import type { ServerContext } from "../context.ts";
import { formatContinueToken, parseContinueToken } from "../continue-token.ts";

import { collectionPrefix, objectStoreKey } from "../keys.ts";
import { invalidOption, type ListOptions, parseListOptions } from "../list-options.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { requireRevision } from "../revision.ts";
import { type Selection, selectionOf } from "../selection.ts";
import { loadForms } from "../stored-form.ts";

export interface Page {
  readonly entries: readonly Entry[];
  readonly revision: number;
  readonly continueAfter: string | undefined;
  readonly remaining: number;
}

interface Place {
  /** Undefined: the newest. */
  readonly at: number | undefined;
  readonly after: string | undefined;
}

const valuesOf = (entries: readonly Entry[]): Buffer[] => entries.map(({ value }) => value);

/** Reads on until `limit` entries match; each step asks for what is missing, at the first step's revision. */
async function readSelected(
  store: Store,
  prefix: string,
  { kind, selection, limit, place }: { kind: Kind; selection: Selection; limit: number; place: Place },
): Promise<Page> {
  const entries: Entry[] = [];
  let { at, after } = place;
  for (;;) {
    const result: ListResult = await store.list(prefix, {
      ...(limit > 0 ? { limit: limit - entries.length } : {}),
      ...(after === undefined ? {} : { after }),
      ...(at === undefined ? {} : { at }),
    });
    at ??= result.revision;
    if (!selection.all) await loadForms(kind, valuesOf(result.entries));
    const matching = selection.all ? result.entries : result.entries.filter((entry) => selection.matchesEntry(entry));
    if (entries.length === 0 && result.continueAfter === undefined)
      return { ...result, entries: matching, revision: at };
    for (const entry of matching) entries.push(entry);
    after = result.continueAfter;
    if (after === undefined || entries.length >= limit) {
      return { entries, revision: at, continueAfter: after, remaining: result.remaining };
    }
  }
}

function placeOf(prefix: string, options: ListOptions): Place {
  if (options.continue) {
    const token = parseContinueToken(options.continue);
    if (!token) throw badRequest("continue key is not valid: it must be the token of a list of this server");
    return { at: token.revision < 0 ? undefined : token.revision, after: prefix + token.after };
  }
  const { resourceVersion, resourceVersionMatch, limit } = options;
  const exact = resourceVersionMatch === "Exact" || (resourceVersionMatch === undefined && limit > 0);
  return { at: exact && resourceVersion ? resourceVersion : undefined, after: undefined };
}

/** The next page after one that was cut. */
export function pageAfter(
  server: ServerContext,
  request: ApiRequest,
  { options, page }: { options: ListOptions; page: Page },
): Promise<Page> | undefined {
  const { revision, continueAfter } = page;
  if (continueAfter === undefined) return undefined;
  const after = continueAfter.slice(collectionPrefix(request.kind, request.namespace).length);
  return readCollection(server, request, { ...options, continue: formatContinueToken({ revision, after }) });
}

/** One object by its name is no search. */
async function readOne(store: Store, kind: Kind, key: string, selection: Selection): Promise<Page> {
  const { revision } = store;
  const entry = await store.get(key);
  if (entry) await loadForms(kind, [entry.value]);
  const entries = entry && selection.matchesEntry(entry) ? [entry] : [];
  return { entries, revision: Math.max(revision, entry?.revision ?? 0), continueAfter: undefined, remaining: 0 };
}

export async function readCollection(
  { store }: ServerContext,
  request: ApiRequest,
  options: ListOptions,
): Promise<Page> {
  const { kind, namespace } = request;
  const selection = selectionOf(kind, options);
  const prefix = collectionPrefix(kind, namespace);
  const place = placeOf(prefix, options);
  requireRevision(store, options.resourceVersion);
  const single = selection.name !== undefined && (namespace !== undefined || !kind.namespaced);
  if (single && place.at === undefined && place.after === undefined) {
    return readOne(store, kind, objectStoreKey(kind, namespace, selection.name ?? ""), selection);
  }
  try {
    return await readSelected(store, prefix, { kind, selection, limit: options.limit, place });
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    if (place.after === undefined) throw resourceVersionTooOld(place.at ?? 0, error.oldest);
    throw continueExpired(formatContinueToken({ revision: -1, after: place.after.slice(prefix.length) }));
  }
}

export async function list(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const options = parseListOptions(request.query);
  if ("fault" in options) throw invalidOption("ListOptions", options.fault);
  const page = await readCollection(server, request, options);
  const prefix = collectionPrefix(request.kind, request.namespace);
  const cut = page.continueAfter?.slice(prefix.length);
  const selective = options.labelSelector !== "" || options.fieldSelector !== "";
  return {
    type: "list",
    kind: request.kind,
    values: page.entries.map((entry) => entry.value),
    revision: page.revision,
    ...(cut === undefined ? {} : { continue: formatContinueToken({ revision: page.revision, after: cut }) }),
    ...(cut === undefined || selective ? {} : { remaining: page.remaining }),
  };
}
