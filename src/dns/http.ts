/** Plain HTTP beside port 53: /health, /ready and /metrics, each on its own port as CoreDNS has them. */
import { createServer, type Server } from "node:http";

export interface HttpOptions {
  readonly address: string;
  readonly ports: HttpPorts;
  readonly ready: () => boolean;
  readonly metrics: () => string;
}

export interface HttpPorts {
  readonly health: number;
  readonly ready: number;
  readonly metrics: number;
}

export const defaultHttpPorts: HttpPorts = { health: 8080, ready: 8181, metrics: 9153 };

type Page = () => { readonly status: number; readonly type: string; readonly body: string };

const plain = "text/plain; charset=utf-8";

/** Resolves when all three listen; the result closes them. */
export async function listenHttp({
  address,
  ports,
  ready,
  metrics,
}: HttpOptions): Promise<{ ports: HttpPorts; close(): void }> {
  const pages: readonly { path: string; port: number; page: Page }[] = [
    { path: "/health", port: ports.health, page: () => ({ status: 200, type: plain, body: "OK" }) },
    {
      path: "/ready",
      port: ports.ready,
      page: () =>
        ready() ? { status: 200, type: plain, body: "OK" } : { status: 503, type: plain, body: "kubernetes" },
    },
    {
      path: "/metrics",
      port: ports.metrics,
      page: () => ({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metrics() }),
    },
  ];
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
  try {
    const bound = await Promise.all(
      pages.map(({ path, port, page }) => {
        const server = serve(path, page);
        servers.push(server);
        return listen(server, address, port);
      }),
    );
    const [health = 0, readyPort = 0, metricsPort = 0] = bound;
    return { ports: { health, ready: readyPort, metrics: metricsPort }, close };
  } catch (error) {
    close();
    throw error;
  }
}

function serve(path: string, page: Page): Server {
  return createServer((request, response) => {
    const { status, type, body } =
      request.url?.split("?")[0] === path ? page() : { status: 404, type: plain, body: "404" };
    response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound ? bound.port : port);
    });
  });
}
