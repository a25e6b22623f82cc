/**
 * UTS namespaces, which hold a host name, kept at paths (uts_namespaces(7)).
 * In a user namespace the process must already be in a UTS namespace made there (unshare --uts): nobody may go back to one of the machine's.
 */
import { sethostname } from "./ffi.ts";
import { createAt, deleteAt, inside, type NamespaceRef, utsKind } from "./namespace.ts";

/** Makes a UTS namespace with this host name and keeps it at `path`, which must not exist. */
export function createUts(path: string, hostname: string): void {
  createAt(utsKind, path, () => sethostname(hostname));
}

/** Runs the synchronous `body`, e.g. a spawn, with this thread in the UTS namespace. */
export function withinUts<T>(uts: NamespaceRef, body: () => T): T {
  return inside(utsKind, uts, body);
}

/** Takes the namespace's file away and says whether it was there. */
export function deleteUts(path: string): boolean {
  return deleteAt(path);
}
