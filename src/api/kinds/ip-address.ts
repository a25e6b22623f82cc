import { formatIp, isIpv4Mapped, parseIp, parseIpSloppy } from "../../net/ip.ts";
import { required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsSubdomain, checkPathSegment } from "../names.ts";
import type { IPAddress } from "../object.ts";
import { ipAddresses } from "../resource.ts";
import { checked, immutable } from "./_check.ts";
import { nameColumn, none, text } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";
import { validateSegment } from "./_reference.ts";
import { specOf } from "./_workload.ts";

/** Service-api S96: the name is an IP in its only written form. */
function checkName(name: string): string[] {
  if (!parseIpSloppy(name)) return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
  const ip = parseIp(name);
  if (!ip) return ["must not have leading 0s"];
  if (isIpv4Mapped(ip)) return ["must not be an IPv4-mapped IPv6 address"];
  return formatIp(ip) === name ? [] : [`must be in canonical form ("${formatIp(ip)}")`];
}

function validate({ spec }: IPAddress): FieldError[] {
  const field = "spec.parentRef";
  if (!spec.parentRef) return [required(field)];
  const { group, resource, namespace, name } = spec.parentRef;
  return [
    ...(group ? checked(`${field}.group`, group, checkDnsSubdomain(group)) : []),
    ...validateSegment(`${field}.resource`, resource),
    ...validateSegment(`${field}.name`, name),
    ...(namespace ? checked(`${field}.namespace`, namespace, checkPathSegment(namespace)) : []),
  ];
}

/** "services/default/web". */
function parentCell({ spec }: IPAddress): string {
  const { group, resource, namespace, name } = spec.parentRef ?? {};
  if (!resource) return none;
  return [group ? `${resource}.${group}` : resource, namespace, name].filter(Boolean).join("/").toLowerCase();
}

export const ipAddressKind: Kind<IPAddress> = {
  ...ipAddresses,
  singular: "ipaddress",
  shortNames: ["ip"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.networking.v1.IPAddress",
  setDefaults: (address) => void specOf(address),
  prepareForCreate: dropGeneration,
  validate,
  validateUpdate: ({ spec }, old) => immutable("spec.parentRef", spec.parentRef, old.spec.parentRef),
  validateName: checkName,
  columns: [nameColumn, text("ParentRef", "What has the address.", parentCell)],
};
