/** Network namespaces kept at paths (network_namespaces(7)). */
import { createAt, deleteAt, inside, isNamespace, listIn, type NamespaceRef, netKind } from "./namespace.ts";
import type { NetlinkSocket } from "./netlink/socket.ts";
import { openRouteSocket, setLink } from "./route/mod.ts";

/**
 * Runs `body` with this thread in the network namespace, and always comes back. `body` must be synchronous.
 * Sockets that it opens stay of that namespace, and a process that it spawns starts there, as does what it writes below /proc/sys/net.
 */
export function within<T>(netns: NamespaceRef, body: () => T): T {
  return inside(netKind, netns, body);
}

/** Runs the synchronous `body` with a route socket of the network namespace, which is closed after it. */
export function withRouteSocket<T>(netns: NamespaceRef, body: (socket: NetlinkSocket) => T): T {
  const socket = within(netns, openRouteSocket);
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}

/** Makes a network namespace with its loopback up and keeps it at `path`, which must not exist; missing folders are made. */
export function createNetns(path: string): void {
  createAt(netKind, path, () => {
    const socket = openRouteSocket();
    try {
      setLink(socket, "lo", { up: true });
    } finally {
      socket.close();
    }
  });
}

/** Makes the network namespace at `path` unless it is there, and says whether it was made. */
export function ensureNetns(path: string): boolean {
  if (isNamespace(path)) return false;
  deleteAt(path);
  createNetns(path);
  return true;
}

/** Takes the namespace's file away and says whether it was there; its links go with its last process. */
export function deleteNetns(path: string): boolean {
  return deleteAt(path);
}

export function netnsExists(path: string): boolean {
  return isNamespace(path);
}

/** Names of the network namespaces kept in a folder. */
export function listNetns(folder: string): string[] {
  return listIn(folder);
}
