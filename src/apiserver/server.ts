/** The API server: HTTPS in, store out. */
import { setMaxListeners } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Duplex, duplexPair } from "node:stream";
import type { Kind } from "../api/kind.ts";
import type { Service } from "../api/object.ts";
import { services } from "../api/resource.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import { customResourceHook } from "./admission/custom-resource-hook.ts";
import { createDynamicAdmission } from "./admission/dynamic/gates.ts";
import { expressionHooks } from "./admission/expression-hook.ts";
import { createIngressHook } from "./admission/ingress-hook.ts";
import { nodeHooks } from "./admission/node-hook.ts";
import { bindingHooks } from "./admission/param-access.ts";
import { createPodHook } from "./admission/pod-hook.ts";
import { serviceHook } from "./admission/service-hook.ts";
import { openAudit } from "./audit.ts";
import { trustConnection } from "./authentication/authenticate.ts";
import { signingKey } from "./authentication/signing-key.ts";
import { createTokens } from "./authentication/tokens.ts";
import { startAggregation } from "./authorization/aggregation.ts";
import { createAuthorizer } from "./authorization/authorizer.ts";
import { bootstrapPolicy } from "./authorization/bootstrap.ts";
import { roleHooks } from "./authorization/role-hook.ts";
import { objectOf } from "./codec.ts";
import type { ServerConfig, ServerContext } from "./context.ts";
import { startCustomResources } from "./custom-resources.ts";
import { startEventExpiry } from "./event-expiry.ts";
import { FlowControl } from "./fairness/flow-control.ts";
import { type Edge, handleRequest } from "./handle-request.ts";
import { collectionPrefix } from "./keys.ts";
import { createKindRegistry, type KindRegistry } from "./kind-registry.ts";
import { createMetrics } from "./metrics.ts";
import type { Pki } from "./pki.ts";
import { refuseConnection } from "./refuse-connection.ts";
import { AddressRecords } from "./service-allocation/address-records.ts";
import { feedAllocation } from "./service-allocation/allocation-feed.ts";
import { keepDefaultRange } from "./service-allocation/default-range.ts";
import { startRepair } from "./service-allocation/repair.ts";
import { ServiceAllocator } from "./service-allocation/service-allocator.ts";
import { createStaticPaths } from "./static-paths.ts";
import { serveUpgrades } from "./upgrade.ts";
import { createWebhooks } from "./webhook-client.ts";

export interface ApiServerOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly pki: Pki;
  readonly config: ServerConfig;
  readonly log: Log;
  readonly clock?: Clock;
  /** What else stands in /metrics: that of other parts of the process. */
  readonly moreMetrics?: () => string;
}

/** Where to listen: an inherited socket, or an address. */
type ListenOptions = { readonly fd: number } | { readonly host: string; readonly port: number };

export interface ApiServer {
  /** May be called several times; resolves with the port when connections are accepted. */
  listen(options: ListenOptions): Promise<{ port: number }>;
  /**
   * A connection from within this process, as `user`: HTTP as on any other, without a socket, a handshake and a
   * certificate. For http.Agent's createConnection.
   */
  connect(user: { readonly name: string; readonly groups: readonly string[] }): Duplex;
  /** Ends watches and connections; the store stays open. */
  close(): Promise<void>;
}

const keepAliveMs = 120_000;
const headersTimeoutMs = 30_000;
/** For the whole request with its body; the answer may take as long as it likes. */
const requestTimeoutMs = 60_000;
const defaultIssuer = "https://kubernetes.default.svc.cluster.local";

async function adoptServices(store: Store, allocator: ServiceAllocator): Promise<void> {
  const { entries } = await store.list(collectionPrefix(services));
  for (const { value } of entries) allocator.adopt(objectOf(value) as unknown as Service);
}

function listenOn(server: Server, options: ListenOptions): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      const address = server.address() as AddressInfo | string | null;
      resolve({ port: typeof address === "object" && address ? address.port : 0 });
    });
  });
}

interface Parts {
  readonly registry: KindRegistry;
  readonly allocator: ServiceAllocator;
  readonly records: AddressRecords;
}

async function createContext(
  options: ApiServerOptions,
  { registry, allocator, records }: Parts,
  closing: AbortSignal,
): Promise<ServerContext> {
  const { store, pki, config, log, clock = systemClock } = options;
  const { issuer = defaultIssuer, disabledAdmission = [] } = config;
  const accounts = !disabledAdmission.includes("ServiceAccount");
  const [authorizer, podHook, ingressHook, admission] = await Promise.all([
    createAuthorizer(store, closing),
    createPodHook({ store, signal: closing, accounts, tolerationSeconds: config.tolerationSeconds ?? {} }),
    createIngressHook(store, closing),
    createDynamicAdmission(() => context, { store, signal: closing }),
    adoptServices(store, allocator),
  ]);
  const context: ServerContext = {
    store,
    get kinds() {
      return registry.kinds;
    },
    kindOf: registry.kindOf,
    config,
    log,
    clock,
    hooks: new Map([
      ["services", serviceHook({ allocator, records, server: () => context })],
      ["pods", podHook],
      ["ingresses", ingressHook],
      ...nodeHooks,
      ...expressionHooks(() => context),
      ...bindingHooks(() => context),
      ...roleHooks(authorizer),
      ["customresourcedefinitions", customResourceHook(registry, clock)],
    ]),
    admission,
    webhooks: createWebhooks(() => context, closing),
    nodes: { ca: pki.ca, client: pki.client("kubelet-client") },
    authorizer,
    tokens: createTokens({ key: signingKey(pki.tokenKey), issuer, store, clock }),
    closing,
  };
  return context;
}

/** What is allocated follows what is stored from then on, and is put right. */
async function startAllocation(
  context: ServerContext,
  { space }: ServiceAllocator,
  records: AddressRecords,
): Promise<void> {
  await keepDefaultRange(context);
  await feedAllocation(context.store, space, context.closing);
  await startRepair(context, { space, records });
}

function answerer(edge: Edge): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void handleRequest(edge, request, response).catch((error) => {
      edge.server.log.error("answer failed", { url: request.url, error });
      response.destroy();
    });
  };
}

function createListener(edge: Edge, pki: Pki): Server {
  const { log } = edge.server;
  const tls = { ca: pki.ca, cert: pki.server.certificate, key: pki.server.key };
  const answer = answerer(edge);
  const options = { ...tls, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, answer);
  serveUpgrades(server, answer);
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.on("tlsClientError", (error) => log.debug("TLS handshake failed", { error }));
  server.on("clientError", refuseConnection);
  return server;
}

/** What http expects of a socket and a stream in memory does not have: there is nothing to set. */
function likeSocket(stream: Duplex): Duplex {
  const same = (): Duplex => stream;
  return Object.assign(stream, { setKeepAlive: same, setNoDelay: same, setTimeout: same, ref: same, unref: same });
}

function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  // One whose TLS handshake was under way is a connection only afterwards.
  const again = setInterval(() => server.closeAllConnections(), 20);
  return closed.finally(() => clearInterval(again));
}

/** Reads the store once, to learn which addresses and ports are taken; `listen` is called after that. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const registry = createKindRegistry(options.kinds);
  const { serviceCidr, nodePortRange } = options.config;
  const allocator = new ServiceAllocator({ serviceCidrs: serviceCidr.split(","), nodePortRange });
  const records = new AddressRecords(() => context);
  const context: ServerContext = await createContext(options, { registry, allocator, records }, closing.signal);
  await Promise.all([startCustomResources(context, registry), startAllocation(context, allocator, records)]);
  const metrics = createMetrics();
  const checks = [
    { name: "ping", check: () => true },
    { name: "shutdown", check: () => !closing.signal.aborted },
  ];
  const { config, clock, log } = context;
  const flows = new FlowControl(clock, config.flowLimits);
  const audit = config.auditLog ? openAudit(config.auditLog, { clock, log }) : undefined;
  const staticPaths = createStaticPaths(context, {
    metrics,
    checks,
    gauges: () => flows.gauges,
    more: options.moreMetrics,
  });
  const edge: Edge = { server: context, metrics, staticPaths, flows, audit };
  await bootstrapPolicy(context);
  await startAggregation(context);
  startEventExpiry(context);
  const servers: Server[] = [];
  const inside = createHttpServer(answerer(edge));
  inside.requestTimeout = requestTimeoutMs;
  const connections = new Set<Duplex>();
  return {
    connect(user) {
      const [theirs = new Duplex(), ours = new Duplex()] = duplexPair();
      trustConnection(ours, { ...user, groups: [...user.groups, "system:authenticated"] });
      connections.add(ours);
      ours.once("close", () => connections.delete(ours));
      inside.emit("connection", likeSocket(ours));
      return likeSocket(theirs);
    },
    async listen(where) {
      const server = createListener(edge, options.pki);
      const address = await listenOn(server, where);
      servers.push(server);
      return address;
    },
    async close() {
      closing.abort();
      for (const connection of connections) connection.destroy();
      await Promise.all(servers.map(closeServer));
      await audit?.close();
    },
  };
}
