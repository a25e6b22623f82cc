/** What the proxy follows of the API. */
import type { EndpointSlice, Node, Service, ServiceCIDR } from "../api/object.ts";
import { endpointSlices, nodes, serviceCidrs, services } from "../api/resource.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { createInformer } from "../client/informer.ts";
import type { Log } from "../lib/log.ts";
import { type Feed, startFeed } from "./feed.ts";
import { headlessLabel, proxyNameLabel, serviceShape, sliceShape } from "./shapes.ts";

export interface Informers {
  readonly services: Feed<Service>;
  readonly slices: Feed<EndpointSlice>;
  /** The own Node only. */
  readonly nodes: Informer<Node>;
  readonly cidrs: Informer<ServiceCIDR>;
}

export interface InformersOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Their requests go out at once. */
export function startInformers({ client, nodeName, log, signal }: InformersOptions): Informers {
  const common = { log, signal };
  return {
    services: startFeed(client, services, { ...common, shape: serviceShape, labelSelector: `!${proxyNameLabel}` }),
    slices: startFeed(client, endpointSlices, { ...common, shape: sliceShape, labelSelector: `!${headlessLabel}` }),
    nodes: createInformer(client, nodes, { ...common, fieldSelector: `metadata.name=${nodeName}` }),
    cidrs: createInformer(client, serviceCidrs, common),
  };
}
