/** Subsets with the same ports as one; an address that is ready in any of them is ready (service-api E2). Pure. */
import type { EndpointAddress, EndpointPort, EndpointSubset } from "kubernetes-types/core/v1";

export interface Repacked {
  readonly ports: readonly EndpointPort[];
  readonly ready: readonly EndpointAddress[];
  readonly notReady: readonly EndpointAddress[];
}

interface Group {
  readonly ports: readonly EndpointPort[];
  readonly addresses: Map<string, { address: EndpointAddress; ready: boolean }>;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const keyOf = ({ ip, targetRef }: EndpointAddress): string => `${targetRef?.uid ?? ""} ${ip}`;

function add({ addresses }: Group, address: EndpointAddress, ready: boolean): void {
  const key = keyOf(address);
  addresses.set(key, { address, ready: ready || addresses.get(key)?.ready === true });
}

function repacked({ ports, addresses }: Group): Repacked {
  const all = [...addresses].sort(([a], [b]) => compare(a, b)).map(([, entry]) => entry);
  const those = (wanted: boolean) => all.filter(({ ready }) => ready === wanted).map(({ address }) => address);
  return { ports, ready: those(true), notReady: those(false) };
}

export function repackSubsets(subsets: readonly EndpointSubset[] | undefined): Repacked[] {
  const groups = new Map<string, Group>();
  for (const { ports, addresses, notReadyAddresses } of subsets ?? []) {
    const sorted = (ports ?? []).toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b)));
    const group = groups.getOrInsertComputed(JSON.stringify(sorted), () => ({ ports: sorted, addresses: new Map() }));
    for (const address of notReadyAddresses ?? []) add(group, address, false);
    for (const address of addresses ?? []) add(group, address, true);
  }
  return [...groups.values()].map(repacked);
}
