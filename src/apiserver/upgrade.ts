/** Requests that ask for another protocol (RFC 9110, section 7.8): they go the way of all others, and end as a tunnel. */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface Upgrade {
  readonly socket: Socket;
  /** What came after the request's head. */
  readonly head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Undefined: an ordinary request. */
export const upgradeOf = (request: IncomingMessage): Upgrade | undefined => upgrades.get(request);

const streamed = /^\/api\/v1\/.*\/(?:exec|attach|portforward|proxy(?:\/.*)?)$/;

/** Elsewhere the header is ignored, as it may be. */
const mayUpgrade = ({ url = "/" }: IncomingMessage): boolean => streamed.test(url.split("?", 1)[0] ?? "");

/** An answer for a request whose connection Node has given away; it is closed after the answer. */
function responseTo(request: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  const connection = socket as Socket;
  // Of both directions, the answer and the tunnel there are some more than the ten that Node takes for a leak.
  connection.setMaxListeners(30);
  connection.on("error", () => connection.destroy());
  upgrades.set(request, { socket: connection, head });
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(connection);
  response.once("finish", () => connection.end());
  return response;
}

/** Requests that may upgrade come to the same handler; for all others the header is as if it were not there. */
export function serveUpgrades(
  server: Server,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  Object.assign(server, { shouldUpgradeCallback: mayUpgrade });
  server.on("upgrade", (request, socket, head) => handle(request, responseTo(request, socket, head)));
}
