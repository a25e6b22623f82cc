/** Keeps the Service default/kubernetes and points it to the API server. */
import type { EndpointSlice, Endpoints, KubeObject, Service } from "../../api/object.ts";
import { endpointSlices, endpoints as endpointsResource, type Resource, services } from "../../api/resource.ts";
import type { Informer } from "../../client/client.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, canonical, createQueue } from "../context.ts";

export interface ApiServerAddress {
  readonly ip: string;
  readonly port: number;
}

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

const name = "kubernetes";
const namespace = "default";
const key = `${namespace}/${name}`;

function kubernetesService({ clusterIP, port }: { clusterIP: string; port: number }): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      clusterIP,
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  };
}

function kubernetesSlice({ ip, port }: ApiServerAddress): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: ip.includes(":") ? "IPv6" : "IPv4",
    ports: [{ name: "https", port, protocol: "TCP" }],
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
  };
}

function kubernetesEndpoints({ ip, port }: ApiServerAddress): Endpoints {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name, namespace, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets: [{ addresses: [{ ip }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  };
}

export function startKubernetesServiceController(
  context: Context,
  { address, clusterIP }: { address: ApiServerAddress; clusterIP: string },
): WorkQueue {
  const { client, informers, log } = context;
  const service = kubernetesService({ clusterIP, port: address.port });
  const slice = kubernetesSlice(address);
  const subsets = kubernetesEndpoints(address);

  /** `essence` is what we decide of the object; the rest (allocated and defaulted fields) is left as it is. */
  const keep = async <T extends KubeObject>(
    resource: Resource<T>,
    {
      informer,
      wanted,
      essence,
      merge,
    }: { informer: Informer<T>; wanted: T; essence: (object: T) => unknown; merge: (present: T) => T },
  ): Promise<void> => {
    const present = informer.get(key);
    if (!present) await client.create(resource, wanted);
    else if (canonical(essence(present)) !== canonical(essence(wanted))) await client.update(resource, merge(present));
  };

  const reconcile = async (): Promise<void> => {
    await keep(services, {
      informer: informers.services,
      wanted: service,
      essence: ({ spec }) => (spec.ports ?? []).map(({ name, port, targetPort }) => ({ name, port, targetPort })),
      merge: (present) => ({ ...present, spec: { ...present.spec, ports: service.spec.ports ?? [] } }),
    });
    // No endpoint may be a loopback address: Pods have another one. The Service is there without endpoints.
    if (isLoopback(address.ip)) return;
    await keep(endpointSlices, {
      informer: informers.endpointSlices,
      wanted: slice,
      essence: ({ endpoints, ports }) => [
        ports,
        endpoints.map(({ addresses, conditions }) => [addresses, conditions?.ready]),
      ],
      merge: (present) => ({ ...slice, metadata: { ...present.metadata, labels: slice.metadata.labels ?? {} } }),
    });
    await keep(endpointsResource, {
      informer: informers.endpoints,
      wanted: subsets,
      essence: (object) => object.subsets,
      merge: (present) => ({ ...subsets, metadata: { ...present.metadata, labels: subsets.metadata.labels ?? {} } }),
    });
  };

  if (isLoopback(address.ip)) {
    log.info("Service default/kubernetes gets no endpoints: the API server has a loopback address", { ip: address.ip });
  }
  const queue = createQueue(context, { name: "kubernetes-service", reconcile });
  queue.add(key);
  const add = ({ object: { metadata } }: { object: KubeObject }) => {
    if (metadata.name === name && metadata.namespace === namespace) queue.add(key);
  };
  informers.services.onChange(add);
  informers.endpointSlices.onChange(add);
  informers.endpoints.onChange(add);
  // It waits for its namespace at the first start.
  informers.namespaces.onChange(({ object }) => {
    if (object.metadata.name === namespace) queue.add(key);
  });
  return queue;
}
