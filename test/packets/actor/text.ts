/** What all protocols of an actor share. */
import type { Answer } from "../order.ts";

/** An IPv4 client of an IPv6 socket: "::ffff:10.0.0.1" → "10.0.0.1". */
export const bare = (address = ""): string => address.replace(/^::ffff:/, "");

export const failure = (error: NodeJS.ErrnoException): Answer => ({
  failure: error.code === "ECONNREFUSED" ? "refused" : (error.code ?? String(error)),
});

/**
 * Source ports in turn: a port that was used a moment ago may still belong to a flow that the kernel tracks and sends to
 * an endpoint of the case before.
 */
let lastPort = 20_000;
export function nextSourcePort(): number {
  lastPort = lastPort >= 60_000 ? 20_000 : lastPort + 1;
  return lastPort;
}
