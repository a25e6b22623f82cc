/** What the proxy follows of the API. */
import type { EndpointSlice, Node, Service, ServiceCIDR } from "../api/object.ts";
import { endpointSlices, nodes, serviceCidrs, services } from "../api/resource.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { createInformer } from "../client/informer.ts";
import type { Log } from "../lib/log.ts";
import { compactSlice } from "./compact-slice.ts";
import type { ProxyConfig } from "./config/effective.ts";
import { headlessLabel, proxyNameLabel, serviceShape, sliceShape } from "./shapes.ts";

export interface Informers {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** The own Node only. */
  readonly nodes: Informer<Node>;
  readonly cidrs: Informer<ServiceCIDR>;
}

export interface InformersOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly config: Pick<ProxyConfig, "allowServiceExternalIPs">;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Their requests go out at once. */
export function startInformers({ client, nodeName, config, log, signal }: InformersOptions): Informers {
  const common = { log, signal };
  return {
    services: createInformer(client, services, {
      ...common,
      shape: serviceShape,
      early: true,
      labelSelector: `!${proxyNameLabel}`,
      transform: config.allowServiceExternalIPs ? undefined : withoutExternalIps,
    }),
    slices: createInformer(client, endpointSlices, {
      ...common,
      shape: sliceShape,
      early: true,
      labelSelector: `!${headlessLabel}`,
      transform: compactSlice,
    }),
    nodes: createInformer(client, nodes, { ...common, fieldSelector: `metadata.name=${nodeName}` }),
    cidrs: createInformer(client, serviceCidrs, common),
  };
}

function withoutExternalIps(service: Service): Service {
  const { externalIPs: _, ...spec } = service.spec;
  return { ...service, spec };
}
