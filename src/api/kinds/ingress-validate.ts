/** Rules of Ingresses. Source: the field docs of IngressSpec; Kubernetes "Ingress", path types. */
import type { HTTPIngressPath, IngressBackend, IngressRule, IngressTLS } from "kubernetes-types/networking/v1";
import { parseIpSloppy } from "../../net/ip.ts";
import { invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkPortName } from "../names.ts";
import type { Ingress } from "../object.ts";
import { validateIp } from "./_address.ts";
import { checked, validatePortNumber } from "./_check.ts";
import { validateApiGroup, validateSegment } from "./_reference.ts";

export const classAnnotation = "kubernetes.io/ingress.class";

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const pathSequences = ["//", "/./", "/../", "%2f", "%2F"];
const pathEnds = ["/..", "/."];
const wildcard = "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const wildcardRegex = new RegExp(`^${wildcard}$`);
const maxHost = 253;
const notAnIp = "must be a DNS name, not an IP address";

export function validateIngress(ingress: Ingress, old?: Ingress): FieldError[] {
  const { spec, metadata } = ingress;
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  const faults: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) {
    faults.push(invalid("spec", null, "either `defaultBackend` or `rules` must be specified"));
  }
  if (defaultBackend) faults.push(...validateBackend("spec.defaultBackend", defaultBackend));
  faults.push(...rules.flatMap((rule, index) => validateRule(`spec.rules[${index}]`, rule)));
  faults.push(...tls.flatMap((entry, index) => validateTls(`spec.tls[${index}]`, entry)));
  if (ingressClassName !== undefined) {
    faults.push(...checked("spec.ingressClassName", ingressClassName, checkDnsSubdomain(ingressClassName)));
  }
  const annotated = metadata.annotations?.[classAnnotation];
  if (!old && annotated !== undefined && ingressClassName !== undefined && annotated !== ingressClassName) {
    const detail = "must match `ingressClassName` when both are specified";
    faults.push(invalid(`annotations.${classAnnotation}`, annotated, detail));
  }
  return faults;
}

/** A host, or all hosts below one: "*.example.com". */
function checkHost(host: string): string[] {
  if (!host.includes("*")) return checkDnsSubdomain(host);
  const faults = host.length > maxHost ? [`must be no more than ${maxHost} characters`] : [];
  if (wildcardRegex.test(host)) return faults;
  const rule =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...faults, `${rule} (e.g. '*.example.com', regex used for validation is '${wildcard}')`];
}

function validateRule(path: string, { host, http }: IngressRule): FieldError[] {
  const faults: FieldError[] = [];
  if (host) {
    if (parseIpSloppy(host)) faults.push(invalid(`${path}.host`, host, notAnIp));
    faults.push(...checked(`${path}.host`, host, checkHost(host)));
  }
  if (!http) return faults;
  const paths = http.paths ?? [];
  if (paths.length === 0) faults.push(required(`${path}.http.paths`));
  return [...faults, ...paths.flatMap((entry, index) => validatePath(`${path}.http.paths[${index}]`, entry))];
}

function validatePath(field: string, { path = "", pathType, backend }: HTTPIngressPath): FieldError[] {
  if (pathType === undefined) return [required(`${field}.pathType`, "pathType must be specified")];
  const faults: FieldError[] = [];
  const fault = (detail: string) => faults.push(invalid(`${field}.path`, path, detail));
  const isFree = pathType === "ImplementationSpecific";
  if (!pathTypes.includes(pathType)) faults.push(notSupported(`${field}.pathType`, pathType, pathTypes));
  else if (!path.startsWith("/") && !(isFree && path === "")) fault("must be an absolute path");
  if (pathType === "Exact" || pathType === "Prefix") {
    for (const sequence of pathSequences) if (path.includes(sequence)) fault(`must not contain '${sequence}'`);
    for (const end of pathEnds) if (path.endsWith(end)) fault(`cannot end with '${end}'`);
  }
  return [...faults, ...validateBackend(`${field}.backend`, backend ?? {})];
}

function validateBackend(path: string, { service, resource }: IngressBackend): FieldError[] {
  if (service && resource) return [invalid(path, "", "cannot set both resource and service backends")];
  if (resource) {
    return [
      ...validateApiGroup(`${path}.resource.apiGroup`, resource.apiGroup),
      ...validateSegment(`${path}.resource.kind`, resource.kind),
      ...validateSegment(`${path}.resource.name`, resource.name),
    ];
  }
  if (!service) return [invalid(path, "", "resource or service backend is required")];
  const field = `${path}.service`;
  const faults = service.name
    ? checked(`${field}.name`, service.name, checkDnsLabel(service.name))
    : [required(`${field}.name`)];
  const { name, number } = service.port ?? {};
  if (name && number) faults.push(invalid(path, "", "cannot set both port name & port number"));
  else if (name) faults.push(...checked(`${field}.port.name`, name, checkPortName(name)));
  else if (number) faults.push(...validatePortNumber(`${field}.port.number`, number));
  else faults.push(required(path, "port name or number is required"));
  return faults;
}

function validateTls(path: string, { hosts = [], secretName }: IngressTLS): FieldError[] {
  const faults = hosts.flatMap((host, index) => checked(`${path}.hosts[${index}]`, host, checkHost(host)));
  return secretName ? [...faults, ...checked(`${path}.secretName`, secretName, checkDnsSubdomain(secretName))] : faults;
}

export function validateIngressStatus({ status }: Ingress, old: Ingress): FieldError[] {
  const stored = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, index) => {
    const path = `status.loadBalancer.ingress[${index}]`;
    const faults = ip ? validateIp(`${path}.ip`, ip, stored) : [];
    if (!hostname) return faults;
    faults.push(...checked(`${path}.hostname`, hostname, checkDnsSubdomain(hostname)));
    if (parseIpSloppy(hostname)) faults.push(invalid(`${path}.hostname`, hostname, notAnIp));
    return faults;
  });
}
