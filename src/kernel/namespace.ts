/** Namespaces as files: a bind mount of /proc/…/ns keeps one alive without a process. Shared by netns.ts, ipc.ts and uts.ts. */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS, close, open, setns, unshare } from "./ffi.ts";
import { bindMount, detachMount } from "./mount.ts";

/** A namespace by the path of its file or by an open descriptor of it. */
export type NamespaceRef = string | number;

/** A kind of namespace that one thread can change for itself. */
export interface NamespaceKind {
  readonly flag: number;
  /** Its file of the calling thread. */
  readonly own: string;
}

export const netKind: NamespaceKind = { flag: CLONE_NEWNET, own: "/proc/thread-self/ns/net" };
export const ipcKind: NamespaceKind = { flag: CLONE_NEWIPC, own: "/proc/thread-self/ns/ipc" };
export const utsKind: NamespaceKind = { flag: CLONE_NEWUTS, own: "/proc/thread-self/ns/uts" };

/** statfs(2): type of the file system behind namespace files. */
const NSFS_MAGIC = 0x6e736673;

/** Runs `body` and puts the thread back into the namespace that it was in. */
export function restoring<T>(kind: NamespaceKind, body: () => T): T {
  const home = open(kind.own);
  try {
    const result = body();
    if (result instanceof Promise) throw new TypeError("A function that runs in another namespace must be synchronous");
    return result;
  } finally {
    try {
      setns(home, kind.flag);
    } finally {
      close(home);
    }
  }
}

/** Runs the synchronous `body` with this thread in the namespace. */
export function inside<T>(kind: NamespaceKind, namespace: NamespaceRef, body: () => T): T {
  const fd = typeof namespace === "number" ? namespace : open(namespace);
  try {
    return restoring(kind, () => {
      setns(fd, kind.flag);
      return body();
    });
  } finally {
    if (fd !== namespace) close(fd);
  }
}

/** Makes a namespace, runs `body` in it and keeps it at `path`; if anything fails, nothing is left. */
export function createAt<T>(kind: NamespaceKind, path: string, body: () => T): T {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, "wx", 0o444));
  try {
    return restoring(kind, () => {
      unshare(kind.flag);
      bindMount(kind.own, path);
      return body();
    });
  } catch (error) {
    deleteAt(path);
    throw error;
  }
}

/** Takes the namespace's file away and says whether it was there; the namespace ends when its last process and socket have gone. */
export function deleteAt(path: string): boolean {
  const mounted = detachMount(path);
  try {
    rmSync(path);
    return true;
  } catch {
    return mounted;
  }
}

/** True if the file is a namespace (and not the empty file that a crash between its two steps leaves). */
export function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

/** Names of the namespaces in a folder, in order; none if there is no such folder. */
export function listIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => isNamespace(join(folder, name)))
      .sort();
  } catch {
    return [];
  }
}
