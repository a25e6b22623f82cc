/** Revisions that clients name. */

import { badRequest, resourceVersionTooLarge } from "../api/status.ts";
import type { Store } from "../store/store.ts";

/** Throws a fault if the store has not come as far as the client has seen ("", "0" and undefined: any). */
export function requireRevision(store: Store, asked: string | number | null | undefined): void {
  if (asked === null || asked === undefined || asked === "") return;
  const revision = Number(asked);
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(asked)}: must be a whole number`);
  }
  if (revision > store.revision) throw resourceVersionTooLarge(revision, store.revision);
}
