/** The objects that the storm writes: ConfigMaps, and Services with their addresses and ports. */
import type { Random } from "../fuzz/random.ts";
import type { Stored } from "./model.ts";

export const collections = ["configmaps", "services"] as const;
export type Collection = (typeof collections)[number];

export const collectionPath = (collection: Collection): string => `/api/v1/namespaces/default/${collection}`;

/** Fields of the API's answers that are looked at. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly annotations?: { mark?: string };
  };
  readonly spec?: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ports?: readonly { readonly nodePort?: number; readonly protocol?: string }[];
    readonly healthCheckNodePort?: number;
  };
}

export const storedOf = ({ metadata }: ApiObject): Stored => ({
  revision: Number(metadata.resourceVersion),
  mark: metadata.annotations?.mark ?? "",
});

/** Some ask for addresses and ports that others want too. */
function serviceSpec(random: Random): object {
  const ports = [{ name: "a", port: 80 }, ...(random.chance(0.3) ? [{ name: "b", port: 81, protocol: "UDP" }] : [])];
  const wanted = { clusterIP: `10.96.0.${20 + random.int(12)}` };
  return random.pick([
    { ports },
    { ports, ...wanted },
    { ports, type: "NodePort" },
    { ports: [{ name: "a", port: 80, nodePort: 30100 + random.int(12) }], type: "NodePort" },
    { ports, type: "LoadBalancer", externalTrafficPolicy: "Local" },
    { ports, clusterIP: "None" },
  ]);
}

export function makeObject(random: Random, collection: Collection, name: string, mark: string): object {
  const metadata = { name, annotations: { mark } };
  if (collection === "services") return { apiVersion: "v1", kind: "Service", metadata, spec: serviceSpec(random) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { text: "x".repeat(random.int(3000)) } };
}

/** Addresses and ports that two of the Services have. */
export function doubleAllocations(services: readonly ApiObject[]): string[] {
  const owners = new Map<string, string>();
  const faults: string[] = [];
  const claim = (what: string, owner: string): void => {
    const other = owners.get(what);
    if (other !== undefined && other !== owner) faults.push(`${what} is ${other}'s and ${owner}'s`);
    owners.set(what, owner);
  };
  for (const { metadata, spec = {} } of services) {
    for (const ip of spec.clusterIPs ?? []) if (ip !== "None") claim(ip, metadata.name);
    for (const { nodePort, protocol } of spec.ports ?? [])
      if (nodePort) claim(`${protocol} ${nodePort}`, metadata.name);
    if (spec.healthCheckNodePort) claim(`TCP ${spec.healthCheckNodePort}`, metadata.name);
  }
  return faults;
}
