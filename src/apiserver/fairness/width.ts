/** How much of the server a request may take. */
import type { ApiRequest } from "../request.ts";

type Head = Omit<ApiRequest, "body">;

const collectionWidth = 8;
const pageLimit = 500;

/** Requests that stay: they hold no seat. */
export const isLongRunning = ({ verb, subresource }: Head): boolean =>
  verb === "watch" ||
  subresource === "log" ||
  subresource === "exec" ||
  subresource === "attach" ||
  subresource === "portforward" ||
  subresource === "proxy";

/** Whole collections cost more than objects and pages of a list. */
export function widthOf({ verb, query, name }: Head): number {
  if (verb === "deletecollection") return collectionWidth;
  if (verb !== "list" || name !== undefined) return 1;
  const limit = Number(query.get("limit") ?? 0);
  return limit > 0 && limit <= pageLimit ? 1 : collectionWidth;
}
