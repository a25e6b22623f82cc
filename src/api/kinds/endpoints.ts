import { isDeepStrictEqual } from "node:util";
import type { EndpointAddress, EndpointPort, EndpointSubset } from "kubernetes-types/core/v1";
import { required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import type { Endpoints } from "../object.ts";
import { endpoints } from "../resource.ts";
import { validateIp, validateNonSpecialIp, warnAboutIp } from "./_address.ts";
import { checked, oneOf, protocols, validatePortNumber } from "./_check.ts";
import { ageColumn, firstOf, nameColumn, none, text } from "./_column.ts";
import { dropEmpty } from "./_empty.ts";

const maxShown = 3;

/** Service-api E1. Subsets that are all as they were stored are not judged again. */
function validate({ subsets = [] }: Endpoints, old?: Endpoints): FieldError[] {
  if (old && isDeepStrictEqual(old.subsets ?? [], subsets)) return [];
  return subsets.flatMap((subset, index) => validateSubset(`subsets[${index}]`, subset));
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
  return [
    ...validateIp(`${path}.ip`, ip ?? ""),
    ...(hostname ? checked(`${path}.hostname`, hostname, checkDnsLabel(hostname)) : []),
    ...(nodeName !== undefined ? checked(`${path}.nodeName`, nodeName, checkDnsSubdomain(nodeName)) : []),
    ...validateNonSpecialIp(`${path}.ip`, ip ?? ""),
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
  const texts: string[] = [];
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
    for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
      for (const address of [...addresses, ...notReadyAddresses]) dropEmpty(address, ["hostname"]);
      for (const port of ports) {
        dropEmpty(port, ["name"]);
        port.protocol ||= "TCP";
      }
    }
  },
  validate,
  raisesGeneration: () => false,
  warnings,
  deprecation,
  columns: [nameColumn, text("Endpoints", "Addresses and ports that are ready.", endpointsCell), ageColumn],
};
