/** The slices of a Service → the endpoints of one of its ports. */
import type { EndpointSlice } from "../api/object.ts";
import { canonicalIp, type IpFamily, isOfFamily } from "../net/ip.ts";
import type { Endpoint, Protocol } from "./state.ts";

/** An endpoint with all that decides whether it is chosen. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

type SliceEndpoint = EndpointSlice["endpoints"][number];

/**
 * All endpoints of the port, sorted by address, each once: one that does not terminate stands for the address before one
 * that does (a Pod's address may be used again while the old Pod's entry is still there), otherwise the last slice by name.
 * Ports match by name and protocol (EndpointSlice's field docs); only an endpoint's first address counts.
 */
export function candidatesOf(
  slices: readonly EndpointSlice[],
  port: { readonly name: string; readonly protocol: Protocol; readonly family: IpFamily },
  nodeName: string,
): Candidate[] {
  const found: Candidate[] = [];
  for (const slice of slices) {
    if (slice.addressType !== port.family) continue;
    for (const number of portNumbers(slice, port)) {
      for (const endpoint of slice.endpoints ?? []) {
        const ip = canonicalAddress(endpoint.addresses?.[0] ?? "", port.family);
        if (ip !== undefined) found.push(readCandidate(endpoint, { ip, port: number }, nodeName));
      }
    }
  }
  // The sort keeps the order of equals.
  return oneForEach(found.sort(compare));
}

function compare({ endpoint: a }: Candidate, { endpoint: b }: Candidate): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port;
}

function oneForEach(sorted: readonly Candidate[]): Candidate[] {
  const chosen: Candidate[] = [];
  let last: Candidate | undefined;
  for (const candidate of sorted) {
    const before = last && compare(last, candidate) === 0 ? chosen.pop() : undefined;
    chosen.push(before && !before.terminating && candidate.terminating ? before : candidate);
    last = candidate;
  }
  return chosen;
}

function portNumbers(slice: EndpointSlice, wanted: { name: string; protocol: Protocol }): number[] {
  return (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    (name ?? "") === wanted.name && (protocol ?? "TCP") === wanted.protocol && port ? [port] : [],
  );
}

/** Undefined for an address of the other family. */
function canonicalAddress(text: string, family: IpFamily): string | undefined {
  const ip = canonicalIp(text);
  return ip && isOfFamily(ip, family) ? ip : undefined;
}

const nowhere: readonly string[] = [];

/** Absent conditions: ready and serving are true, terminating is false (EndpointConditions' field docs). */
function readCandidate(
  { conditions, nodeName, hints }: SliceEndpoint,
  { ip, port }: { ip: string; port: number },
  here: string,
): Candidate {
  return {
    endpoint: { ip, port, local: nodeName === here && here !== "", unplaced: !nodeName },
    ready: conditions?.ready ?? true,
    serving: conditions?.serving ?? true,
    terminating: conditions?.terminating ?? false,
    forZones: hints?.forZones?.map(({ name }) => name) ?? nowhere,
    forNodes: (hints as { forNodes?: { name: string }[] } | undefined)?.forNodes?.map(({ name }) => name) ?? nowhere,
  };
}
