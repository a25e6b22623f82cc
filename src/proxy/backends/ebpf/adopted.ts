/** What a former process called the Service ports and endpoints, read from its maps. Pure. */
import { targetBytes } from "../../../kernel/nftables/values.ts";
import { endpointText, type ServicePort } from "../../state.ts";
import type { Elements } from "../nftables/elements.ts";
import type { Adopted } from "./identities.ts";
import { address, anyAddress, destination, endpointValues, idOfSet, read } from "./layout.ts";

export interface AdoptedNames {
  of(port: ServicePort): Adopted | undefined;
}

export function adoptedNames(observed: Elements): AdoptedNames {
  const services = observed.get("services") ?? new Map<string, string>();
  const handles = handlesById(observed.get("endpoints") ?? new Map());
  return {
    of(port) {
      const id = idOf(port, services);
      if (id === undefined) return undefined;
      const byTarget = handles.get(id);
      const endpoints = [...port.clusterEndpoints, ...port.localEndpoints];
      const known = endpoints.flatMap((endpoint): [string, number][] => {
        const handle = byTarget?.get(read.target(endpointValues(targetBytes(endpoint), port.family)));
        return handle ? [[endpointText(endpoint), handle]] : [];
      });
      return { id, handles: new Map(known) };
    },
  };
}

function idOf(port: ServicePort, services: ReadonlyMap<string, string>): number | undefined {
  const keys = port.vips.map((vip) => destination(address(vip.address), port.port, port.protocol));
  if (port.nodePort) keys.push(destination(anyAddress[port.family], port.nodePort, port.protocol));
  const value = keys.map((key) => services.get(key)).find((one) => one !== undefined);
  return value === undefined ? undefined : read.serviceId(value);
}

function handlesById(endpoints: ReadonlyMap<string, string>): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>();
  for (const [slot, value] of endpoints) {
    const id = idOfSet(read.set(slot));
    const handles = found.get(id) ?? new Map<string, number>();
    handles.set(read.target(value), read.handle(value));
    found.set(id, handles);
  }
  return found;
}
