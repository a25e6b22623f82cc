/** The address behind a Pod's or Service's name, as it stands in the URL of a proxied request. */

import type { Kind } from "../../api/kind.ts";
import type { EndpointSlice, Pod, Service } from "../../api/object.ts";
import { endpointSlices, pods } from "../../api/resource.ts";
import { badRequest, notFound, serviceUnavailable } from "../../api/status.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { collectionPrefix, objectStoreKey } from "../keys.ts";

export interface TargetName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** A number or a name; empty: the only one. */
  readonly port: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

interface Lookup extends TargetName {
  readonly kind: Kind;
  readonly namespace: string;
}

/** "web", "web:http" or "https:web:443" (and "https:web:"); `what`, e.g. "service". Throws ApiFault (400). */
export function splitTarget(text: string, what: string): TargetName {
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { scheme: "http", name: first, port: "" };
  if (parts.length === 2) return { scheme: "http", name: first, port: second };
  const scheme = first === "https" ? "https" : first === "http" || first === "" ? "http" : undefined;
  if (parts.length > 3 || !scheme) throw badRequest(`invalid ${what} request ${JSON.stringify(text)}`);
  return { scheme, name: second, port: third };
}

async function read<T>({ store }: ServerContext, { kind, namespace, name }: Lookup): Promise<T> {
  const entry = await store.get(objectStoreKey(kind, namespace, name));
  if (!entry) throw notFound(kind, name);
  return objectOf(entry.value) as unknown as T;
}

function portNumber(text: string): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined;
}

/** The first port of its containers unless the URL names one. */
export async function podTarget(server: ServerContext, lookup: Lookup): Promise<Address> {
  const { spec, status } = await read<Pod>(server, lookup);
  const host = status?.podIPs?.[0]?.ip ?? status?.podIP;
  if (!host) throw badRequest("address not allowed");
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  const named = ports.find(({ name }) => name === lookup.port)?.containerPort;
  const port = lookup.port === "" ? (ports[0]?.containerPort ?? 80) : (portNumber(lookup.port) ?? named);
  if (port === undefined) throw badRequest(`invalid port ${JSON.stringify(lookup.port)}`);
  return { host, port };
}

/** The name of the Service's port in its EndpointSlices; "" for one without a name. */
function portName({ spec }: Service, { name, port }: Lookup): string {
  const ports = spec.ports ?? [];
  const [only] = ports;
  if (port === "") return (ports.length === 1 ? only?.name : undefined) ?? "";
  if (!/^[+-]?\d+$/.test(port)) return port;
  const found = ports.find((one) => one.port === Number(port));
  if (!found) throw serviceUnavailable(`no service port ${Number(port)} found for service ${JSON.stringify(name)}`);
  return found.name ?? "";
}

type PodAddress = Address & { readonly pod: string };

/** Addresses of ready endpoints that call themselves Pods of the namespace, in random order. */
function podAddresses(slices: readonly EndpointSlice[], wanted: string, namespace: string): PodAddress[] {
  const found = slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find(({ name }) => (name ?? "") === wanted)?.port;
    if (port === undefined) return [];
    return (endpoints ?? []).flatMap(({ addresses: [host], conditions, targetRef }) => {
      const pod = targetRef?.namespace === namespace ? targetRef.name : undefined;
      return host && pod && conditions?.ready !== false ? [{ host, port, pod }] : [];
    });
  });
  return found
    .map((address) => ({ address, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ address }) => address);
}

/** Service-api S119: an EndpointSlice may name any address; the server connects to those of Pods alone. */
async function belongsToPod({ store }: ServerContext, { host, pod }: PodAddress, namespace: string): Promise<boolean> {
  const entry = await store.get(objectStoreKey(pods, namespace, pod));
  const { podIPs = [] } = (entry && (objectOf(entry.value) as unknown as Pod).status) ?? {};
  return podIPs.some(({ ip }) => ip === host);
}

/** One of its ready endpoints, any. */
export async function serviceTarget(server: ServerContext, lookup: Lookup): Promise<Address> {
  const service = await read<Service>(server, lookup);
  const wanted = portName(service, lookup);
  const { entries } = await server.store.list(collectionPrefix(endpointSlices, lookup.namespace));
  const slices = entries
    .map(({ value }) => objectOf(value) as unknown as EndpointSlice)
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === lookup.name);
  for (const address of podAddresses(slices, wanted, lookup.namespace)) {
    if (await belongsToPod(server, address, lookup.namespace)) return { host: address.host, port: address.port };
  }
  throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(lookup.name)}`);
}
