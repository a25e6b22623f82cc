/** Keeps the space of addresses up to date with the stored ServiceCIDRs and IPAddresses. */
import type { ServiceCIDR } from "../../api/object.ts";
import { ipAddresses, type Resource, serviceCidrs } from "../../api/resource.ts";
import type { Entry, Store } from "../../store/store.ts";
import { objectOf } from "../codec.ts";
import { collectionPrefix } from "../keys.ts";
import type { AddressSpace } from "./address-space.ts";

/** Ready, and not on its way out: nothing new is taken from one that is being deleted (service-api S92). */
export function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp) return false;
  return (status?.conditions ?? []).some((condition) => condition.type === "Ready" && condition.status === "True");
}

type Apply = (entry: Entry, stored: boolean) => void;

/** Resolves when everything stored is applied. */
async function follow(store: Store, resource: Resource, signal: AbortSignal, apply: Apply): Promise<void> {
  const { entries, revision } = await store.list(collectionPrefix(resource));
  for (const entry of entries) apply(entry, true);
  const watching = store.watch(collectionPrefix(resource), revision, (events) => {
    for (const { type, entry } of events) apply(entry, type === "put");
  });
  signal.addEventListener("abort", () => watching.close());
}

export async function feedAllocation(store: Store, space: AddressSpace, signal: AbortSignal): Promise<void> {
  await follow(store, serviceCidrs, signal, ({ value }, stored) => {
    const range = objectOf(value) as unknown as ServiceCIDR;
    if (stored) space.setRanges(range.metadata.name, range.spec.cidrs ?? [], isReady(range));
    else space.removeRanges(range.metadata.name);
  });
  const prefix = collectionPrefix(ipAddresses).length;
  await follow(store, ipAddresses, signal, ({ key }, stored) => space.record(key.slice(prefix), stored));
}
