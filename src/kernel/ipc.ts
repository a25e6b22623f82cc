/**
 * IPC namespaces (System V IPC, POSIX message queues), kept at paths (ipc_namespaces(7)).
 * In a user namespace the process must already be in one made there (unshare --ipc): nobody may go back to one of the machine's.
 */
import { createAt, deleteAt, inside, ipcKind, isNamespace, listIn, type NamespaceRef } from "./namespace.ts";

/** Makes the IPC namespace at `path` unless it is there. */
export function ensureIpc(path: string): void {
  if (isNamespace(path)) return;
  deleteAt(path);
  createAt(ipcKind, path, () => undefined);
}

/** Runs the synchronous `body`, e.g. a spawn, with this thread in the IPC namespace. */
export function withinIpc<T>(ipc: NamespaceRef, body: () => T): T {
  return inside(ipcKind, ipc, body);
}

/** Takes the namespace's file away and says whether it was there. */
export function deleteIpc(path: string): boolean {
  return deleteAt(path);
}

/** Names of the IPC namespaces kept in a folder. */
export function listIpc(folder: string): string[] {
  return listIn(folder);
}
