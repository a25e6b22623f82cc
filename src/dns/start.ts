/** The cluster DNS server: watches the API, keeps the zone, answers. */
import type { EndpointSlice, KubeObject, Namespace, Service } from "../api/object.ts";
import { endpointSlices, namespaces, type Resource, services } from "../api/resource.ts";
import type { ApiClient, Change } from "../client/client.ts";
import { createInformer } from "../client/informer.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { serviceNameLabel } from "./facts.ts";
import { Forwarder } from "./forward/forwarder.ts";
import { parseUpstream } from "./forward/upstream.ts";
import { defaultHttpPorts, type HttpPorts, listenHttp } from "./http.ts";
import { type Listener, listenTcp, listenUdp, type OpenUdpBatches } from "./listen.ts";
import { DnsMetrics } from "./metrics.ts";
import { Resolver } from "./resolver.ts";
import { Zone } from "./zone.ts";

export interface DnsOptions {
  readonly client: ApiClient;
  /** Port 0 takes any; UDP and TCP then have the same. */
  readonly listen: { readonly address: string; readonly port: number };
  /** e.g. "cluster.local". */
  readonly clusterDomain: string;
  /** "10.0.0.53:53", "unix:/path"; none: other names are refused. */
  readonly upstreams: readonly string[];
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
  readonly ttlSec?: number;
  readonly http?: HttpPorts;
  /** "namespace/name" of the Service in front of this server. */
  readonly dnsService?: string;
  readonly version?: string;
  readonly clock?: Clock;
}

export interface DnsServer {
  readonly port: number;
  readonly http: HttpPorts;
  /** Resolves when the zone holds all objects. */
  readonly synced: Promise<void>;
}

/** TTL of the cluster's records: CoreDNS's own default. */
const defaultTtlSec = 5;
/** Without an API server it begins to answer after this time, with SERVFAIL for names of the cluster. */
const startTimeoutMs = 5_000;

/** Resolves when the server answers; rejects if it cannot listen. While the API server is away it goes on with what it knows. */
export async function startDns(options: DnsOptions): Promise<DnsServer> {
  const failed = new AbortController();
  try {
    return await start({ ...options, signal: AbortSignal.any([options.signal, failed.signal]) });
  } catch (error) {
    failed.abort();
    throw error;
  }
}

async function start(options: DnsOptions): Promise<DnsServer> {
  const { listen, log, signal, clock = systemClock } = options;
  const { clusterDomain, ttlSec = defaultTtlSec, dnsService = "kube-system/kube-dns" } = options;
  const upstreams = options.upstreams.map(parseUpstream);
  const zone = new Zone({ clusterDomain, ttlSec, clock, dnsService });
  const forwarder = new Forwarder({ upstreams, clock, log });
  const metrics = new DnsMetrics();

  let complete = false;
  let listening = false;
  const synced = fill(zone, options).then(() => {
    complete = true;
    log.info("zone is complete", { clusterDomain, serial: zone.serial });
  });
  const resolver = new Resolver({ zone, forwarder, metrics, log, synced: () => complete });
  const http = await listenHttp({
    address: listen.address,
    ports: options.http ?? defaultHttpPorts,
    ready: () => complete && listening,
    metrics: () => metrics.format(labelsOf(options), forwarder),
  });
  signal.addEventListener("abort", () => http.close(), { once: true });

  const [batches] = await Promise.all([loadUdpBatches(log), firstOf(synced, clock, startTimeoutMs)]);
  const listeners = await listenBoth({ ...listen, resolver, log, openUdpBatches: batches });
  listening = true;
  const port = listeners[0]?.port ?? listen.port;
  signal.addEventListener("abort", () => closeAll(listeners), { once: true });
  log.info("answers", { address: listen.address, port, upstreams: options.upstreams, complete });
  return { port, http: http.ports, synced };
}

/** A machine on which the foreign function interface cannot be loaded is served with Node's datagrams alone. */
async function loadUdpBatches(log: Log): Promise<OpenUdpBatches | undefined> {
  try {
    return (await import("./udp-batches.ts")).openUdpBatches;
  } catch (error) {
    log.warn("datagrams are not answered in batches", { error });
    return undefined;
  }
}

async function listenBoth(options: Parameters<typeof listenUdp>[0]): Promise<Listener[]> {
  const udp = await listenUdp(options);
  try {
    return [udp, await listenTcp({ ...options, port: udp.port })];
  } catch (error) {
    udp.close();
    throw error;
  }
}

function closeAll(listeners: readonly Listener[]): void {
  for (const listener of listeners) listener.close();
}

/** Keeps the zone up to date until the signal; resolves when all first lists are in it. */
async function fill(zone: Zone, options: DnsOptions): Promise<void> {
  await Promise.all([
    watch<Namespace>(options, namespaces, ({ type, object }) => {
      if (type === "deleted") zone.removeNamespace(object.metadata.name);
      else zone.putNamespace(object.metadata.name);
    }),
    watch<Service>(options, services, ({ type, object }) => {
      if (type === "deleted") zone.removeService(object);
      else zone.putService(object);
    }),
    watch<EndpointSlice>(options, endpointSlices, ({ type, object }) => {
      if (type === "deleted") zone.removeSlice(object);
      else zone.putSlice(object);
    }),
  ]);
}

function watch<T extends KubeObject>(
  { client, log, signal }: DnsOptions,
  resource: Resource<T>,
  onChange: (change: Change<T>) => void,
): Promise<void> {
  const informer = createInformer(client, resource, { log, signal, transform: slim });
  informer.onChange(onChange);
  return informer.synced;
}

/** The zone keeps what it needs itself; of the informer's copies only the identity counts. */
function slim<T extends KubeObject>(object: T): T {
  const { name, namespace, uid, resourceVersion, labels } = object.metadata;
  const serviceName = labels?.[serviceNameLabel];
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(serviceName !== undefined && { labels: { [serviceNameLabel]: serviceName } }),
  };
  return { ...object, metadata };
}

function firstOf(synced: Promise<void>, clock: Clock, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(timeoutMs, resolve);
    void synced.then(() => {
      cancel();
      resolve();
    });
  });
}

function labelsOf({ listen, clusterDomain, version = "" }: DnsOptions): {
  server: string;
  zone: string;
  version: string;
} {
  return { server: `dns://:${listen.port}`, zone: `${clusterDomain}.`, version };
}
