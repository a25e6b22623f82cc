/** Service and Pods → the subsets of its Endpoints, packed as Kubernetes packs them. */
import type { EndpointAddress, EndpointSubset } from "kubernetes-types/core/v1";
import type { Pod, Service } from "../../api/object.ts";
import { isFinished, isReady, isTerminating, podIps } from "../pod.ts";
import { type EndpointPort, endpointHostname, endpointPorts, isHeadless, targetRef } from "../service-endpoint.ts";

/** More addresses than these are cut off: large Services are for EndpointSlices. */
const maxAddresses = 1000;

interface Entry {
  readonly address: EndpointAddress;
  readonly ready: boolean;
}

/**
 * Each port stands for the addresses that have it; ports with the same addresses share a subset. So a Pod whose named
 * port has another number leads to a second subset for that port only.
 */
export function computeSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const byPort = new Map<string, { port: EndpointPort | undefined; entries: Entry[] }>();
  for (const pod of pods) {
    const entry = entryOf(service, pod);
    if (!entry) continue;
    const withoutPorts = isHeadless(service) && (service.spec.ports ?? []).length === 0;
    for (const port of withoutPorts ? [undefined] : endpointPorts(service, pod)) {
      const key = port ? [port.name, port.protocol, port.port, port.appProtocol].join("/") : "";
      const found = byPort.get(key);
      if (found) found.entries.push(entry);
      else byPort.set(key, { port, entries: [entry] });
    }
  }
  const byAddresses = Map.groupBy(byPort.values(), ({ entries }) =>
    entries
      .map(({ address, ready }) => `${address.ip}/${address.targetRef?.uid}/${ready}`)
      .sort()
      .join(),
  );
  return [...byAddresses.values()]
    .map((ports) => subsetOf(ports))
    .sort(comparing(({ ports }) => JSON.stringify(ports ?? [])));
}

const comparing =
  <T>(key: (value: T) => string) =>
  (one: T, other: T): number =>
    key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0;

function subsetOf(ports: readonly { port: EndpointPort | undefined; entries: readonly Entry[] }[]): EndpointSubset {
  const entries = [...(ports[0]?.entries ?? [])].sort(
    comparing(({ address }) => `${address.targetRef?.uid ?? ""} ${address.ip}`),
  );
  const addresses = entries.filter(({ ready }) => ready).map(({ address }) => address);
  const notReadyAddresses = entries.filter(({ ready }) => !ready).map(({ address }) => address);
  const named = ports
    .flatMap(({ port }) => (port ? [port] : []))
    .sort(comparing(({ name, protocol }) => `${name} ${protocol}`));
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(named.length > 0 ? { ports: named.map(({ name, ...port }) => (name ? { name, ...port } : port)) } : {}),
  };
}

function entryOf(service: Service, pod: Pod): Entry | undefined {
  const { publishNotReadyAddresses = false, ipFamilies = [] } = service.spec;
  const wantsIPv6 = ipFamilies[0] === "IPv6";
  const ip = podIps(pod).find((candidate) => candidate.includes(":") === wantsIPv6);
  if (!ip || isFinished(pod) || (isTerminating(pod) && !publishNotReadyAddresses)) return undefined;
  const hostname = endpointHostname(service, pod);
  const { nodeName } = pod.spec;
  return {
    address: { ip, ...(hostname ? { hostname } : {}), ...(nodeName ? { nodeName } : {}), targetRef: targetRef(pod) },
    ready: publishNotReadyAddresses || isReady(pod),
  };
}

const count = (subsets: readonly EndpointSubset[], of: "addresses" | "notReadyAddresses"): number =>
  subsets.reduce((sum, subset) => sum + (subset[of]?.length ?? 0), 0);

/** At most `max` addresses, the ready ones first; each subset gives up its share. */
export function truncateSubsets(
  subsets: EndpointSubset[],
  max: number = maxAddresses,
): { subsets: EndpointSubset[]; truncated: boolean } {
  const ready = count(subsets, "addresses");
  const notReady = count(subsets, "notReadyAddresses");
  if (ready + notReady <= max) return { subsets, truncated: false };
  const take = {
    addresses: shares(subsets, "addresses", max),
    notReadyAddresses: shares(subsets, "notReadyAddresses", Math.max(0, max - ready)),
  };
  const cut = subsets.map((subset, index): EndpointSubset => {
    const addresses = (subset.addresses ?? []).slice(0, take.addresses[index] ?? 0);
    const notReadyAddresses = (subset.notReadyAddresses ?? []).slice(0, take.notReadyAddresses[index] ?? 0);
    return {
      ...(addresses.length > 0 ? { addresses } : {}),
      ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
      ...(subset.ports ? { ports: subset.ports } : {}),
    };
  });
  return { subsets: cut.filter(({ addresses, notReadyAddresses }) => addresses || notReadyAddresses), truncated: true };
}

/** How many addresses each subset keeps, `max` in all. */
function shares(subsets: readonly EndpointSubset[], of: "addresses" | "notReadyAddresses", max: number): number[] {
  const total = count(subsets, of);
  if (total <= max) return subsets.map((subset) => subset[of]?.length ?? 0);
  const kept = subsets.map((subset) => Math.floor(((subset[of]?.length ?? 0) * max) / total));
  let left = max - kept.reduce((sum, one) => sum + one, 0);
  return kept.map((one, index) => {
    const room = left > 0 && one < (subsets[index]?.[of]?.length ?? 0);
    if (room) left--;
    return room ? one + 1 : one;
  });
}
