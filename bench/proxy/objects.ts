/** The bench's Services: as many as wanted, each with ten endpoints of its own, as the EndpointSlice controller writes them. */
import type { EndpointSlice, Namespace, Node, Service } from "../../src/api/object.ts";
import { endpointSlices, namespaces, nodes, services } from "../../src/api/resource.ts";
import { type ApiClient, isAlreadyExists } from "../../src/client/client.ts";

export const endpointsEach = 10;
/** The nodes themselves are in it: to a proxy, their processes are Pods, whose address is kept. */
export const podCidr = "10.1.0.0/16";
export const servicePort = 80;
export const targetPort = 9000;
/** Turned on and off to see when a change has reached the kernel; behind all others. */
export const probe = 20_000;

/** Addresses of Pods: the lab's loopback device has all of 10.128.0.0/9. */
const podAddress = (n: number): string => `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
export const podOf = (service: number, index = 0): string => podAddress((service + 1) * 16 + index);
export const clusterIpOf = (n: number): string => `10.96.${1 + (n >> 8)}.${n & 255}`;

const nameOf = (n: number) => `service-${String(n).padStart(5, "0")}`;
const uidOf = (n: number) => `11111111-2222-4333-8444-${String(n).padStart(12, "0")}`;

export const serviceOf = (n: number): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: nameOf(n), namespace: "default", labels: { app: nameOf(n) } },
  spec: {
    type: "ClusterIP",
    clusterIP: clusterIpOf(n),
    selector: { app: nameOf(n) },
    ports: [{ name: "http", port: servicePort, protocol: "TCP", targetPort }],
  },
});

export const sliceOf = (n: number, count = endpointsEach): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: `${nameOf(n)}-abcde`,
    namespace: "default",
    labels: {
      app: nameOf(n),
      "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      "kubernetes.io/service-name": nameOf(n),
    },
    ownerReferences: [
      {
        apiVersion: "v1",
        kind: "Service",
        name: nameOf(n),
        uid: uidOf(n),
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  addressType: "IPv4",
  ports: [{ name: "http", port: targetPort, protocol: "TCP" }],
  endpoints: Array.from({ length: count }, (_, index) => ({
    addresses: [podOf(n, index)],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${index}`,
    zone: "zone-a",
    targetRef: { kind: "Pod", namespace: "default", name: `${nameOf(n)}-${index}`, uid: uidOf(n * 10 + index) },
  })),
});

export const nodeOf = (name: string, address: string): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "zone-a" } },
  spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
  status: { addresses: [{ type: "InternalIP", address }] },
});

const writers = 16;

/** Services `from` to `to` - 1. */
export async function addServices(client: ApiClient, from: number, to: number): Promise<void> {
  let next = from;
  const write = async () => {
    while (next < to) {
      const n = next++;
      await client.create(services, serviceOf(n));
      await client.create(endpointSlices, sliceOf(n));
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
}

/** What is there before any size, the probed Service among it. */
export async function addBasics(client: ApiClient): Promise<void> {
  const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
  await client.create(namespaces, namespace).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
  await client.create(services, serviceOf(probe));
  await client.create(endpointSlices, sliceOf(probe, 1));
}

export const addNode = (client: ApiClient, name: string, address: string): Promise<Node> =>
  client.create(nodes, nodeOf(name, address));
