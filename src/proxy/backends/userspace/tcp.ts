/** One TCP listener: accepts, finds an endpoint that answers, and passes bytes both ways. */
import { createServer, type Server, Socket } from "node:net";
import { canonicalIp } from "../../../net/ip.ts";
import type { Endpoint } from "../../state.ts";
import type { Chooser } from "./choice.ts";
import type { Target } from "./model.ts";

/** How long an endpoint may take to answer a connect before the next one is tried. */
const connectTimeoutMs = 1_000;
/** Endpoints tried for one client. */
const maxTries = 6;

export class TcpListener {
  readonly #chooser: Chooser;
  #target: Target;
  #server: Server | undefined;
  readonly #clients = new Set<Socket>();

  constructor(target: Target, chooser: Chooser) {
    this.#target = target;
    this.#chooser = chooser;
  }

  /** Connections made before stay where they are. */
  retarget(target: Target): void {
    this.#target = target;
  }

  /** Rejects with the error of node:net, e.g. EACCES, EADDRINUSE. */
  open(address: string, port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: address, port, exclusive: true }, () => {
        server.removeListener("error", reject);
        // A failed accept (no file descriptors left) ends that connection, not the listener.
        server.on("error", () => {});
        this.#server = server;
        resolve();
      });
    });
  }

  /** Refuses new clients at once; connections go on. */
  async close(): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
  }

  get isBusy(): boolean {
    return this.#clients.size > 0;
  }

  /** Resets all connections. */
  cut(): void {
    for (const client of this.#clients) reset(client);
  }

  #accept(client: Socket): void {
    this.#clients.add(client);
    client.on("close", () => this.#clients.delete(client));
    // Without a listener an error would end the process; `join` passes it on once there is somebody to pass it to.
    client.on("error", () => {});
    const target = this.#target;
    const address = plainAddress(client.remoteAddress);
    const endpoints = this.#chooser.order(target, address).slice(0, maxTries);
    // At once: what the client begins meanwhile goes there too.
    if (endpoints[0]) this.#chooser.remember(target, address, endpoints[0]);
    this.#tryEach(client, endpoints, (endpoint, upstream) => {
      this.#chooser.remember(target, address, endpoint);
      join(client, upstream);
    });
  }

  #tryEach(
    client: Socket,
    [endpoint, ...rest]: readonly Endpoint[],
    done: (endpoint: Endpoint, upstream: Socket) => void,
  ): void {
    if (client.destroyed) return;
    if (!endpoint) {
      reset(client);
      return;
    }
    const upstream = new Socket({ allowHalfOpen: true }).setNoDelay(true);
    const next = () => {
      upstream.removeAllListeners();
      upstream.on("error", () => {});
      upstream.destroy();
      this.#tryEach(client, rest, done);
    };
    upstream.once("error", next);
    upstream.setTimeout(connectTimeoutMs, next);
    upstream.connect({ host: endpoint.ip, port: endpoint.port }, () => {
      upstream.removeListener("error", next);
      upstream.setTimeout(0);
      upstream.removeAllListeners("timeout");
      done(endpoint, upstream);
    });
  }
}

/** An IPv4 client of an IPv6 socket is an IPv4 client. */
export function plainAddress(address = ""): string {
  const bare = address.replace(/^::ffff:/i, "").replace(/%.*$/, "");
  return canonicalIp(bare) ?? bare;
}

/** Bytes flow both ways, no faster than they are taken; the end of one direction is passed on and leaves the other open; so is a reset. */
function join(client: Socket, upstream: Socket): void {
  link(client, upstream);
  link(upstream, client);
  if (client.destroyed) upstream.destroy();
}

/** A socket whose end is on its way cannot be reset any more (libuv: EINVAL), and Node would never close it. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function link(from: Socket, to: Socket): void {
  from.on("error", () => reset(to));
  // Both directions ended, or it was cut: nothing can be said to it any more.
  from.on("close", () => {
    if (!to.writableEnded) to.destroy();
  });
  from.pipe(to);
}
