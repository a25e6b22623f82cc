import { isDeepStrictEqual } from "node:util";
import { invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsSubdomain, checkPathSegment } from "../names.ts";
import type { IPAddress } from "../object.ts";
import { ipAddresses } from "../resource.ts";
import { validateCanonicalIp } from "./_address.ts";
import { checked } from "./_check.ts";
import { nameColumn, none, text } from "./_column.ts";
import { dropEmpty } from "./_empty.ts";
import { dropGeneration } from "./_generation.ts";
import { validateSegment } from "./_reference.ts";
import { specOf } from "./_workload.ts";

/** Service-api S96: the name is an IP in its only written form. */
function checkName(name: string): string[] {
  return validateCanonicalIp("", name).map(({ detail }) => detail.replace(/^Invalid value: ".*?": /, ""));
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

/** Kubernetes prints a reference as it holds it inside. */
function inner(reference: IPAddress["spec"]["parentRef"]): unknown {
  if (!reference) return null;
  const { group = "", resource = "", namespace = "", name = "" } = reference;
  return { Group: group, Resource: resource, Namespace: namespace, Name: name };
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
  setDefaults(address) {
    const { parentRef } = specOf(address);
    if (parentRef) dropEmpty(parentRef, ["group", "resource", "namespace", "name"]);
  },
  prepareForCreate: dropGeneration,
  validate,
  validateUpdate: ({ spec }, old) =>
    isDeepStrictEqual(spec.parentRef, old.spec.parentRef)
      ? []
      : [invalid("spec.parentRef", inner(spec.parentRef), "field is immutable")],
  validateName: checkName,
  columns: [nameColumn, text("ParentRef", "What has the address.", parentCell)],
};
