/** The slices of a Service → the endpoints of one of its ports. */
import { isIPv4 } from "node:net";
import type { EndpointSlice } from "../api/object.ts";
import { canonicalIp, familyOf, type IpFamily } from "../net/ip.ts";
import { type Endpoint, endpointText, type Protocol } from "./state.ts";

/** An endpoint with all that decides whether it is chosen. */
export interface Candidate extends Endpoint {
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

type SliceEndpoint = EndpointSlice["endpoints"][number];

/**
 * All endpoints of the port, sorted by text, each address once: one that does not terminate stands for the address before one
 * that does (a Pod's address may be used again while the old Pod's entry is still there), otherwise the last slice by name.
 * Ports match by name and protocol (EndpointSlice's field docs); only an endpoint's first address counts.
 */
export function candidatesOf(
  slices: readonly EndpointSlice[],
  port: { readonly name: string; readonly protocol: Protocol; readonly family: IpFamily },
  nodeName: string,
): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== port.family) continue;
    for (const number of portNumbers(slice, port)) {
      for (const endpoint of slice.endpoints ?? [])
        addCandidate(found, endpoint, { number, nodeName, family: port.family });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, candidate]) => candidate);
}

function portNumbers(slice: EndpointSlice, wanted: { name: string; protocol: Protocol }): number[] {
  return (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    (name ?? "") === wanted.name && (protocol ?? "TCP") === wanted.protocol && port ? [port] : [],
  );
}

function addCandidate(
  found: Map<string, Candidate>,
  endpoint: SliceEndpoint,
  { number, nodeName, family }: { number: number; nodeName: string; family: IpFamily },
): void {
  const ip = canonicalAddress(endpoint.addresses?.[0] ?? "", family);
  if (!ip) return;
  const candidate = readCandidate(endpoint, { ip, port: number }, nodeName);
  const key = endpointText(candidate);
  const other = found.get(key);
  if (!other || other.terminating || !candidate.terminating) found.set(key, candidate);
}

/** Undefined for an address of the other family. Most are canonical IPv4, which need no work. */
function canonicalAddress(text: string, family: IpFamily): string | undefined {
  if (isIPv4(text)) return family === "IPv4" ? text : undefined;
  const ip = canonicalIp(text);
  return ip && familyOf(ip) === family ? ip : undefined;
}

/** Absent conditions: ready and serving are true, terminating is false (EndpointConditions' field docs). */
function readCandidate(
  { conditions, nodeName, hints }: SliceEndpoint,
  at: { ip: string; port: number },
  here: string,
): Candidate {
  const ready = conditions?.ready ?? true;
  return {
    ...at,
    local: nodeName === here && here !== "",
    unplaced: !nodeName,
    ready,
    serving: conditions?.serving ?? true,
    terminating: conditions?.terminating ?? false,
    forZones: (hints?.forZones ?? []).map(({ name }) => name),
    forNodes: (hints as { forNodes?: { name: string }[] } | undefined)?.forNodes?.map(({ name }) => name) ?? [],
  };
}
