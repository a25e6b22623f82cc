/** What of Services and EndpointSlices decides about records; two objects with equal facts have equal records. */
import type { EndpointSlice, Service } from "../api/object.ts";
import { canonicalIp } from "../net/ip.ts";

export interface NamedPort {
  /** "" if it has none. */
  readonly name: string;
  /** "tcp", "udp", "sctp". */
  readonly protocol: string;
  readonly port: number;
}

/** Example: `{ kind: "cluster", ips: ["10.96.0.17"], ports: [{ name: "http", protocol: "tcp", port: 80 }] }`. */
export type ServiceFacts =
  | { readonly kind: "cluster"; readonly ips: readonly string[]; readonly ports: readonly NamedPort[] }
  | { readonly kind: "headless" }
  | { readonly kind: "external"; readonly target: string }
  /** It has no address yet. */
  | { readonly kind: "none" };

interface EndpointFacts {
  readonly addresses: readonly string[];
  readonly hostname: string;
}

/** The ready endpoints of one slice; each has all ports. */
export interface SliceFacts {
  readonly endpoints: readonly EndpointFacts[];
  readonly ports: readonly NamedPort[];
}

export const serviceNameLabel = "kubernetes.io/service-name";

export function factsOfService({ spec }: Service): ServiceFacts {
  if (spec.type === "ExternalName") return { kind: "external", target: spec.externalName ?? "" };
  if (spec.clusterIP === "None") return { kind: "headless" };
  const addresses = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ""];
  const ips = addresses.flatMap((address) => canonicalIp(address) ?? []);
  if (ips.length === 0) return { kind: "none" };
  const ports = (spec.ports ?? []).map(({ name, protocol, port }) => ({
    name: name ?? "",
    protocol: (protocol ?? "TCP").toLowerCase(),
    port,
  }));
  return { kind: "cluster", ips, ports };
}

/** A condition that is absent counts as ready; `serving` and `terminating` do not matter here. */
export function factsOfSlice(slice: EndpointSlice): SliceFacts {
  const endpoints = (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .map(({ addresses, hostname }) => ({
      addresses: slice.addressType === "FQDN" ? [] : addresses.flatMap((address) => canonicalIp(address) ?? []),
      hostname: hostname ?? "",
    }))
    .filter(({ addresses }) => addresses.length > 0);
  const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    port === undefined ? [] : { name: name ?? "", protocol: (protocol ?? "TCP").toLowerCase(), port },
  );
  return { endpoints, ports };
}
