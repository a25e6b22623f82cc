/** The load balancer of an embedded cluster: its pool lies in the underlay's network, routes lead to the nodes. */
import type { ApiClient } from "../client/client.ts";
import { deleteRoute, listRoutes, openRouteSocket, replaceRoute } from "../kernel/route/mod.ts";
import { startLoadBalancer } from "../lb/controller.ts";
import { parsePools } from "../lb/pools.ts";
import { createRouteAnnouncer, type RoutePort } from "../lb/route-announcer.ts";
import type { Log } from "../lib/log.ts";

/** Routes of the network namespace that this process is in. */
const kernelRoutes: RoutePort = {
  async addRoute(destination, via) {
    withSocket((socket) => replaceRoute(socket, { destination, gateway: via }));
  },
  async routes() {
    let found: readonly string[] = [];
    withSocket((socket) => {
      const routes = listRoutes(socket).filter(({ byKernel, gateway }) => !byKernel && gateway !== undefined);
      found = routes.map(({ destination }) => destination);
    });
    return found;
  },
  async removeRoute(destination) {
    withSocket((socket) => deleteRoute(socket, { destination }));
  },
};

function withSocket(body: (socket: ReturnType<typeof openRouteSocket>) => void): void {
  const socket = openRouteSocket();
  try {
    body(socket);
  } finally {
    socket.close();
  }
}

export function startLocalLoadBalancer(options: {
  client: ApiClient;
  pool: string;
  log: Log;
  signal: AbortSignal;
}): void {
  const { client, pool, log, signal } = options;
  const announcer = createRouteAnnouncer({ client, routes: kernelRoutes, log, signal });
  startLoadBalancer({ client, log, signal, pools: parsePools(pool), announcer });
}
