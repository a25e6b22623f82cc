import { isDeepStrictEqual } from "node:util";
import type { EndpointAddress, EndpointPort, EndpointSubset } from "kubernetes-types/core/v1";
import { invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import type { Endpoints } from "../object.ts";
import { endpoints } from "../resource.ts";
import { validateIp, validateNonSpecialIp, warnAboutIp } from "./_address.ts";
import { checked, oneOf, protocols, validatePortNumber } from "./_check.ts";
import { ageColumn, firstOf, nameColumn, none, text } from "./_column.ts";

const triggerTime = "endpoints.kubernetes.io/last-change-trigger-time";
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const maxShown = 3;

/** Service-api E1. Subsets that were stored before are not judged again. */
function validate({ metadata, subsets = [] }: Endpoints, old?: Endpoints): FieldError[] {
  const faults: FieldError[] = [];
  const time = metadata.annotations?.[triggerTime];
  if (time !== undefined && (!rfc3339.test(time) || Number.isNaN(Date.parse(time)))) {
    const layout = '"2006-01-02T15:04:05Z07:00"';
    const detail = `parsing time ${JSON.stringify(time)} as ${layout}: cannot parse`;
    faults.push(invalid(`metadata.annotations[${triggerTime}]`, time, detail));
  }
  for (const [index, subset] of subsets.entries()) {
    if (old?.subsets?.some((stored) => isDeepStrictEqual(stored, subset))) continue;
    faults.push(...validateSubset(`subsets[${index}]`, subset));
  }
  return faults;
}

function validateSubset(
  path: string,
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
): FieldError[] {
  const faults: FieldError[] = [];
  if (addresses.length + notReadyAddresses.length === 0) {
    faults.push(required(path, "must specify `addresses` or `notReadyAddresses`"));
  }
  for (const [index, address] of addresses.entries())
    faults.push(...validateAddress(`${path}.addresses[${index}]`, address));
  for (const [index, address] of notReadyAddresses.entries()) {
    faults.push(...validateAddress(`${path}.notReadyAddresses[${index}]`, address));
  }
  for (const [index, port] of ports.entries()) {
    faults.push(...validatePort(`${path}.ports[${index}]`, port, ports.length > 1));
  }
  return faults;
}

function validateAddress(path: string, { ip, hostname, nodeName }: EndpointAddress): FieldError[] {
  const textFaults = validateIp(`${path}.ip`, ip);
  return [
    ...textFaults,
    ...(hostname ? checked(`${path}.hostname`, hostname, checkDnsLabel(hostname)) : []),
    ...(nodeName !== undefined ? checked(`${path}.nodeName`, nodeName, checkDnsSubdomain(nodeName)) : []),
    ...(textFaults.length === 0 ? validateNonSpecialIp(`${path}.ip`, ip) : []),
  ];
}

function validatePort(path: string, { name, port, protocol, appProtocol }: EndpointPort, named: boolean): FieldError[] {
  const faults: FieldError[] = [];
  if (name) faults.push(...checked(`${path}.name`, name, checkDnsLabel(name)));
  else if (named) faults.push(required(`${path}.name`));
  faults.push(...validatePortNumber(`${path}.port`, port));
  faults.push(...oneOf(`${path}.protocol`, protocol, protocols));
  if (appProtocol !== undefined)
    faults.push(...checked(`${path}.appProtocol`, appProtocol, checkQualifiedName(appProtocol)));
  return faults;
}

const deprecation = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

function warnings({ subsets = [] }: Endpoints): string[] {
  const texts = [deprecation];
  for (const [index, { addresses = [], notReadyAddresses = [] }] of subsets.entries()) {
    for (const [at, { ip }] of addresses.entries())
      texts.push(...warnAboutIp(`subsets[${index}].addresses[${at}].ip`, ip));
    for (const [at, { ip }] of notReadyAddresses.entries()) {
      texts.push(...warnAboutIp(`subsets[${index}].notReadyAddresses[${at}].ip`, ip));
    }
  }
  return texts;
}

function socketAddress(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function endpointsCell({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => socketAddress(ip, port))),
  );
  return firstOf(all, maxShown, none);
}

export const endpointsKind: Kind<Endpoints> = {
  ...endpoints,
  singular: "endpoints",
  shortNames: ["ep"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Endpoints",
  setDefaults({ subsets = [] }) {
    for (const { ports = [] } of subsets) for (const port of ports) port.protocol ||= "TCP";
  },
  prepareForCreate: repackSubsets,
  prepareForUpdate: repackSubsets,
  validate,
  raisesGeneration: () => false,
  warnings,
  readWarning: deprecation,
  columns: [nameColumn, text("Endpoints", "Addresses and ports that are ready.", endpointsCell), ageColumn],
};

type Repacked = Map<string, { address: EndpointAddress; ready: boolean }>;

/** Merges subsets with the same ports, in place; an address that is ready in one of them is ready (service-api E2). */
function repackSubsets(object: Endpoints): void {
  const byPorts = new Map<string, { ports: EndpointPort[]; addresses: Repacked }>();
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of object.subsets ?? []) {
    // Left as it is, for validation to name.
    if (addresses.length + notReadyAddresses.length === 0) return;
    const sorted = ports.toSorted((a, b) => compareTexts(JSON.stringify(a), JSON.stringify(b)));
    const group = byPorts.getOrInsertComputed(JSON.stringify(sorted), () => ({ ports: sorted, addresses: new Map() }));
    for (const address of notReadyAddresses) addAddress(group.addresses, address, false);
    for (const address of addresses) addAddress(group.addresses, address, true);
  }
  if (!object.subsets) return;
  object.subsets = [...byPorts.values()]
    .map(subsetOf)
    .sort((a, b) => compareTexts(JSON.stringify(a), JSON.stringify(b)));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function addressKey({ ip, targetRef }: EndpointAddress): string {
  return `${ip} ${targetRef?.uid ?? ""}`;
}

function addAddress(addresses: Repacked, address: EndpointAddress, ready: boolean): void {
  const key = addressKey(address);
  addresses.set(key, { address, ready: ready || addresses.get(key)?.ready === true });
}

function subsetOf({ ports, addresses }: { ports: EndpointPort[]; addresses: Repacked }): EndpointSubset {
  const all = [...addresses.values()].sort((a, b) => compareTexts(addressKey(a.address), addressKey(b.address)));
  const ready = all.filter((entry) => entry.ready).map((entry) => entry.address);
  const notReady = all.filter((entry) => !entry.ready).map((entry) => entry.address);
  return {
    ...(ready.length > 0 && { addresses: ready }),
    ...(notReady.length > 0 && { notReadyAddresses: notReady }),
    ...(ports.length > 0 && { ports }),
  };
}
