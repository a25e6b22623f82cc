/** Ids and handles that a former process gave, from the elements it left. Pure. */

import { addressBytes, portBytes, protocolBytes, readU32, u32 } from "../../../kernel/nftables/values.ts";
import type { ServicePort } from "../../state.ts";
import type { Elements } from "./elements.ts";
import type { Adopted } from "./identities.ts";
import { localHandleBit, verdictMaps } from "./layout.ts";

export interface Adoption {
  readonly lastId: number;
  /** Numbers of chains: [chain, number]. */
  readonly chains: readonly (readonly [string, number])[];
  /** What the port was called: by the id that one of its keys has. */
  of(port: ServicePort): Adopted | undefined;
}

export function adoptionOf(observed: Elements): Adoption {
  const handles = handlesById(observed);
  const ids = new Map(observed.get("vip-ids"));
  let lastId = 0;
  for (const map of ["vip-ids", "port-ids"]) {
    for (const value of observed.get(map)?.values() ?? []) lastId = Math.max(lastId, readU32(value));
  }
  const verdicts = verdictMaps.flatMap((map) => [...(observed.get(map) ?? [])]);
  return {
    lastId,
    chains: verdicts.map(([number, chain]) => [chain, readU32(number)]),
    of(port) {
      if (ids.size === 0) return undefined;
      const protocol = protocolBytes(port.protocol);
      for (const { address } of port.vips) {
        const id = ids.get(addressBytes(address) + protocol + portBytes(port.port));
        if (id !== undefined) return { id: readU32(id), handles: handles.get(readU32(id)) ?? new Map() };
      }
      return undefined;
    },
  };
}

/** id → targetBytes → handle, from slots (id . index → handle) and sticky-endpoints (handle → target). */
function handlesById(observed: Elements): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>();
  const targets = observed.get("sticky-endpoints");
  for (const [slot, value] of observed.get("slots") ?? []) {
    const id = readU32(slot);
    const handle = readU32(value);
    const target = targets?.get(value) ?? targets?.get(u32(handle | localHandleBit));
    if (target === undefined) continue;
    const handles = found.get(id) ?? new Map<string, number>();
    handles.set(target, handle);
    found.set(id, handles);
  }
  return found;
}
