import { isDeepStrictEqual } from "node:util";
import type { Endpoint, EndpointHints, EndpointPort } from "kubernetes-types/discovery/v1";
import { parseIpSloppy } from "../../net/ip.ts";
import { duplicate, invalid, required, tooMany } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { validateLabels } from "../metadata.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../names.ts";
import type { EndpointSlice } from "../object.ts";
import { endpointSlices } from "../resource.ts";
import { validateIp, validateNonSpecialIp, warnAboutIp } from "./_address.ts";
import { checked, immutable, oneOf, protocols } from "./_check.ts";
import { ageColumn, firstOf, nameColumn, text } from "./_column.ts";
import { startGeneration } from "./_generation.ts";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20000;
const maxTopologyLabels = 16;
const maxHints = 8;
const maxShown = 3;

/** The part of hints that came after the published types. */
type Hints = EndpointHints & { readonly forNodes?: readonly { readonly name: string }[] };

/** Service-api E12 to E17. Faults of endpoints that are stored already are ignored. */
function validate(slice: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const endpoints = slice.endpoints ?? [];
  const faults = oneOf("addressType", slice.addressType, addressTypes);
  if (endpoints.length > maxEndpoints) faults.push(tooMany("endpoints", endpoints.length, maxEndpoints));
  const stored = new Set((old?.endpoints ?? []).map((endpoint) => JSON.stringify(endpoint)));
  for (const [index, endpoint] of endpoints.entries()) {
    if (stored.size > 0 && stored.has(JSON.stringify(endpoint))) continue;
    faults.push(...validateEndpoint(`endpoints[${index}]`, endpoint, slice.addressType));
  }
  return [...faults, ...validatePorts(slice.ports ?? [])];
}

function validateEndpoint(path: string, endpoint: Endpoint, addressType: string): FieldError[] {
  const { addresses = [], nodeName, hostname, deprecatedTopology = {}, hints } = endpoint;
  const faults: FieldError[] = [];
  if (addresses.length === 0) faults.push(required(`${path}.addresses`, "must contain at least 1 address"));
  if (addresses.length > maxAddresses) faults.push(tooMany(`${path}.addresses`, addresses.length, maxAddresses));
  for (const [index, address] of addresses.entries()) {
    faults.push(...validateAddress(`${path}.addresses[${index}]`, address, addressType));
  }
  if (nodeName !== undefined) faults.push(...checked(`${path}.nodeName`, nodeName, checkDnsSubdomain(nodeName)));
  const topologySize = Object.keys(deprecatedTopology).length;
  if (topologySize > maxTopologyLabels) {
    faults.push(tooMany(`${path}.deprecatedTopology`, topologySize, maxTopologyLabels));
  }
  faults.push(...validateLabels(deprecatedTopology, `${path}.deprecatedTopology`));
  if (hostname !== undefined) faults.push(...checked(`${path}.hostname`, hostname, checkDnsLabel(hostname)));
  return hints ? [...faults, ...validateHints(`${path}.hints`, hints)] : faults;
}

function validateAddress(path: string, address: string, addressType: string): FieldError[] {
  if (addressType === "FQDN") {
    const name = address.replace(/\.$/, "");
    const faults = checked(path, name, checkDnsSubdomain(name));
    if (faults.length > 0 || name.includes(".")) return faults;
    return [invalid(path, name, "should be a domain with at least two segments separated by dots")];
  }
  if (addressType !== "IPv4" && addressType !== "IPv6") return [];
  const faults = validateIp(path, address);
  if (faults.length > 0) return faults;
  if (parseIpSloppy(address)?.family !== addressType) {
    faults.push(invalid(path, address, `must be an ${addressType} address`));
  }
  return [...faults, ...validateNonSpecialIp(path, address)];
}

function validateHints(path: string, { forZones = [], forNodes = [] }: Hints): FieldError[] {
  return [
    ...validateHintList(`${path}.forZones`, forZones, checkLabelValue),
    ...validateHintList(`${path}.forNodes`, forNodes, checkDnsSubdomain),
  ];
}

function validateHintList(
  path: string,
  hints: readonly { readonly name: string }[],
  check: (name: string) => string[],
): FieldError[] {
  if (hints.length > maxHints) return [tooMany(path, hints.length, maxHints)];
  const seen = new Set<string>();
  return hints.flatMap(({ name }, index) => {
    const faults = seen.has(name) ? [duplicate(`${path}[${index}].name`, name)] : [];
    seen.add(name);
    return [...faults, ...checked(`${path}[${index}].name`, name, check(name))];
  });
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > maxPorts) return [tooMany("ports", ports.length, maxPorts)];
  const names = new Set<string>();
  return ports.flatMap(({ name = "", protocol, appProtocol }, index) => {
    const path = `ports[${index}]`;
    const faults = name ? checked(`${path}.name`, name, checkDnsLabel(name)) : [];
    if (names.has(name)) faults.push(duplicate(`${path}.name`, name));
    names.add(name);
    faults.push(...oneOf(`${path}.protocol`, protocol, protocols));
    if (appProtocol !== undefined) {
      faults.push(...checked(`${path}.appProtocol`, appProtocol, checkQualifiedName(appProtocol)));
    }
    return faults;
  });
}

function warnings({ addressType, endpoints }: EndpointSlice): string[] {
  if (addressType === "FQDN") return ["spec.addressType: FQDN endpoints are deprecated"];
  return (endpoints ?? []).flatMap(({ addresses = [] }, index) =>
    addresses.flatMap((address, at) => warnAboutIp(`endpoints[${index}].addresses[${at}]`, address)),
  );
}

/** Service-api E11: anything but metadata, or the labels. */
function raisesGeneration(slice: EndpointSlice, old: EndpointSlice): boolean {
  const { metadata, ...rest } = slice;
  const { metadata: oldMetadata, ...oldRest } = old;
  return !isDeepStrictEqual(rest, oldRest) || !isDeepStrictEqual(metadata.labels, oldMetadata.labels);
}

export const endpointSliceKind: Kind<EndpointSlice> = {
  ...endpointSlices,
  singular: "endpointslice",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.discovery.v1.EndpointSlice",
  setDefaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= "";
      port.protocol ||= "TCP";
    }
  },
  prepareForCreate: startGeneration,
  validate,
  validateUpdate: ({ addressType }, old) => immutable("addressType", addressType, old.addressType),
  raisesGeneration,
  warnings,
  columns: [
    nameColumn,
    text("AddressType", "Family of the addresses.", ({ addressType }) => addressType ?? ""),
    text("Ports", "Ports of every endpoint.", ({ ports }) => {
      return firstOf(
        (ports ?? []).map(({ port, name }) => String(port ?? (name || "*"))),
        maxShown,
        "<unset>",
      );
    }),
    text("Endpoints", "Addresses of the endpoints, ready or not.", ({ endpoints }) => {
      return firstOf(
        (endpoints ?? []).flatMap(({ addresses }) => addresses),
        maxShown,
        "<unset>",
      );
    }),
    ageColumn,
  ],
};
