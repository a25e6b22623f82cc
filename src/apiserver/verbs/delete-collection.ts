/** DELETE of all objects of a collection that match the selectors. */
import { ApiFault } from "../../api/status.ts";
import type { Entry } from "../../store/store.ts";
import type { ServerContext } from "../context.ts";
import { deleteObject } from "../delete-object.ts";
import { parseDeleteOptions } from "../delete-options.ts";
import { parseKey } from "../keys.ts";
import { invalidOption, parseListOptions } from "../list-options.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { parseRequester } from "../write-options.ts";
import { readCollection } from "./list.ts";

/** So many deletions are on their way at once; they share the store's syncs. */
const width = 64;

export async function deleteCollection(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind } = request;
  const listed = parseListOptions(request.query);
  if ("fault" in listed) throw invalidOption("ListOptions", listed.fault);
  const { dryRun, ...options } = await parseDeleteOptions(request);
  const requester = parseRequester(request);
  const warnings = new Set<string>();
  const page = await readCollection(server, request, listed);
  const deleteEntry = async ({ key }: Entry): Promise<void> => {
    const { namespace, name } = parseKey(kind, key);
    try {
      const target = { kind, namespace: namespace || undefined, name, options, dryRun, requester, unnamed: true };
      for (const text of (await deleteObject(server, target)).warnings) warnings.add(text);
    } catch (error) {
      if (!(error instanceof ApiFault && error.status.code === 404)) throw error;
    }
  };
  for (let start = 0; start < page.entries.length; start += width) {
    await Promise.all(page.entries.slice(start, start + width).map(deleteEntry));
  }
  const values = page.entries.map(({ value }) => value);
  return { type: "list", kind, values, revision: server.store.revision, warnings: [...warnings] };
}
