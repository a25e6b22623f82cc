import { isDeepStrictEqual } from "node:util";
import type { Endpoint, EndpointHints, EndpointPort } from "kubernetes-types/discovery/v1";
import { familyOf } from "../../net/ip.ts";
import { duplicate, invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../names.ts";
import type { EndpointSlice } from "../object.ts";
import { endpointSlices } from "../resource.ts";
import { validateCanonicalIp, validateIp, validateNonSpecialIp, warnAboutIp } from "./_address.ts";
import { checked, immutable, oneOf, protocols } from "./_check.ts";
import { ageColumn, firstOf, nameColumn, text } from "./_column.ts";
import { dropEmpty } from "./_empty.ts";
import { startGeneration } from "./_generation.ts";

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20000;
const maxHints = 8;
const maxShown = 3;

/** The part of hints that came after the published types. */
type Hints = EndpointHints & { readonly forNodes?: { name: string }[] };

/** Service-api E12 to E17. Endpoints that are all as they were stored are not judged again. */
function validate({ addressType, endpoints, ports }: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const faults = [...oneOf("addressType", addressType, addressTypes), ...validatePorts(ports ?? [])];
  if (old && isDeepStrictEqual(old.endpoints, endpoints)) return faults;
  return [...faults, ...validateEndpoints(endpoints ?? [], addressType)];
}

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string): FieldError[] {
  if (endpoints.length > maxEndpoints) return [tooMany("endpoints", endpoints.length, maxEndpoints)];
  return endpoints.flatMap((endpoint, index) => validateEndpoint(`endpoints[${index}]`, endpoint, addressType));
}

function validateEndpoint(path: string, endpoint: Endpoint, addressType: string): FieldError[] {
  const { addresses = [], nodeName, hostname, hints } = endpoint;
  const faults: FieldError[] = [];
  if (addresses.length === 0) faults.push(required(`${path}.addresses`, "must contain at least 1 address"));
  if (addresses.length > maxAddresses) faults.push(tooMany(`${path}.addresses`, addresses.length, maxAddresses));
  for (const [index, address] of addresses.entries()) {
    faults.push(...validateAddress(`${path}.addresses`, index, { address, addressType }));
  }
  if (nodeName !== undefined) faults.push(...checked(`${path}.nodeName`, nodeName, checkDnsSubdomain(nodeName)));
  if (hostname !== undefined) faults.push(...checked(`${path}.hostname`, hostname, checkDnsLabel(hostname)));
  return hints ? [...faults, ...validateHints(`${path}.hints`, hints)] : faults;
}

function validateAddress(
  list: string,
  index: number,
  { address, addressType }: { address: string; addressType: string },
): FieldError[] {
  const path = `${list}[${index}]`;
  if (addressType === "FQDN") return validateFullName(path, address);
  if (addressType !== "IPv4" && addressType !== "IPv6") return [];
  const faults = addressType === "IPv6" ? validateCanonicalIp(path, address) : validateIp(path, address);
  if (faults.length > 0) return faults;
  // Kubernetes says this of the list.
  if (familyOf(address) !== addressType) faults.push(invalid(list, address, `must be an ${addressType} address`));
  return [...faults, ...validateNonSpecialIp(path, address)];
}

function validateFullName(path: string, address: string): FieldError[] {
  if (address === "") return [required(path)];
  const name = address.replace(/\.$/, "");
  const faults = checkDnsSubdomain(name);
  if (faults.length > 0) return [invalid(path, name, faults.join(","))];
  const labels = name.split(".");
  if (labels.length < 2)
    return [invalid(path, name, "should be a domain with at least two segments separated by dots")];
  const long = labels.find((label) => checkDnsLabel(label).length > 0);
  return long === undefined ? [] : [invalid(path, long, checkDnsLabel(long).join(","))];
}

function validateHints(path: string, { forZones = [], forNodes = [] }: Hints): FieldError[] {
  const zoneFaults = validateHintList(`${path}.forZones`, forZones, checkLabelValue);
  if (forZones.length > maxHints) return zoneFaults;
  return [...zoneFaults, ...validateHintList(`${path}.forNodes`, forNodes, checkDnsSubdomain)];
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
    if (protocol === undefined) faults.push(required(`${path}.protocol`));
    else if (!protocols.some((one) => one === protocol))
      faults.push(notSupported(`${path}.protocol`, protocol, protocols));
    if (appProtocol !== undefined) {
      faults.push(...checked(`${path}.appProtocol`, appProtocol, checkQualifiedName(appProtocol)));
    }
    return faults;
  });
}

function warnings({ addressType, endpoints }: EndpointSlice, old: EndpointSlice | undefined): string[] {
  const texts = (endpoints ?? []).flatMap(({ addresses = [] }, index) =>
    addresses.flatMap((address, at) => warnAboutIp(`endpoints[${index}].addresses[${at}]`, address)),
  );
  const isNewName = addressType === "FQDN" && !old;
  return isNewName ? ["spec.addressType: FQDN endpoints are deprecated", ...texts] : texts;
}

/** A field of an older version, in which the node's name was: this one stores no new ones. In place. */
function dropTopology(slice: EndpointSlice, old: EndpointSlice | undefined): void {
  if (old && isDeepStrictEqual(old.endpoints, slice.endpoints)) return;
  for (const endpoint of slice.endpoints ?? []) delete endpoint.deprecatedTopology;
}

/** What is written also when it says nothing. In place. */
function fillEndpoint(endpoint: Endpoint): void {
  endpoint.conditions ??= {};
  const { forZones = [], forNodes = [] } = (endpoint.hints ?? {}) as Hints;
  for (const hint of [...forZones, ...forNodes]) hint.name ??= "";
  if (endpoint.targetRef) dropEmpty(endpoint.targetRef, ["kind", "namespace", "name", "uid"]);
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
  // Kubernetes writes null for lists that are empty, which many clients cannot read.
  setDefaults(slice) {
    slice.endpoints ??= [];
    slice.ports ??= [];
    for (const endpoint of slice.endpoints) fillEndpoint(endpoint);
    for (const port of slice.ports) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
  prepareForCreate(slice) {
    startGeneration(slice);
    dropTopology(slice, undefined);
  },
  prepareForUpdate: dropTopology,
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
