/** Rules of a Service as it stands: service-api section 3, in Kubernetes's order of faults. */
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { validateLabels } from "../metadata.ts";
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import type { Service } from "../object.ts";
import { validateCidr, validateIp, validateNonSpecialIp } from "./_address.ts";
import { checked, oneOf, protocols, validatePortNumber, validatePortOrName } from "./_check.ts";
import { validateClusterIps } from "./service-cluster-ips.ts";
import { isExternallyAccessible, isHeadless, needsHealthCheckNodePort, trafficPolicies } from "./service-type.ts";
import { onlyLoadBalancer, validateClass, validateServiceUpdate } from "./service-validate-update.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const trafficDistributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
const topologyHints = "service.kubernetes.io/topology-aware-hints";
const topologyMode = "service.kubernetes.io/topology-mode";
const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
const maxAffinitySeconds = 86400;

/** Every fault of a Service whose defaults are filled and whose addresses and ports are allocated; those of a change come first. */
export function validateService(service: Service, old?: Service): FieldError[] {
  return [
    ...(old ? validateServiceUpdate(service, old) : []),
    ...validateTopologyAnnotations(service),
    ...validateNeedsOfType(service),
    ...validatePorts(service),
    ...validateLabels(service.spec.selector, "spec.selector"),
    ...validateAffinity(service),
    ...validateClusterIps(service, old),
    ...validateExternalIps(service, old),
    ...oneOf("spec.type", service.spec.type, types),
    ...validatePortPairs(service),
    ...validateSourceRanges(service, old),
    ...validateLoadBalancerFields(service),
    ...validateExternalTraffic(service),
    ...validateInternalTraffic(service),
  ];
}

/** S18. */
function validateTopologyAnnotations({ metadata }: Service): FieldError[] {
  const mode = metadata.annotations?.[topologyMode];
  const hints = metadata.annotations?.[topologyHints];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const detail = `must match annotations[${topologyHints}] when both are specified`;
  return [invalid(`metadata.annotations[${topologyMode}]`, mode, detail)];
}

/** S19, S28, S29. */
function validateNeedsOfType(service: Service): FieldError[] {
  const { type, ports } = service.spec;
  if (type === "ExternalName") return validateExternalName(service);
  const faults = ports?.length || isHeadless(service) ? [] : [required("spec.ports")];
  if (isHeadless(service) && (type === "LoadBalancer" || type === "NodePort")) {
    faults.push(invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`));
  }
  return faults;
}

function validateExternalName({ spec }: Service): FieldError[] {
  const detail = "may not be set for ExternalName services";
  const faults: FieldError[] = [];
  if (spec.clusterIPs?.length) faults.push(forbidden("spec.clusterIPs", detail));
  if (spec.ipFamilies?.length) faults.push(forbidden("spec.ipFamilies", detail));
  if (spec.ipFamilyPolicy !== undefined) faults.push(forbidden("spec.ipFamilyPolicy", detail));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (!name) faults.push(required("spec.externalName"));
  else faults.push(...checked("spec.externalName", name, checkDnsSubdomain(name)));
  return faults;
}

/** S20 to S22. */
function validatePorts({ spec }: Service): FieldError[] {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = `spec.ports[${index}]`;
    const faults: FieldError[] = [];
    if (port.name) {
      faults.push(...checked(`${path}.name`, port.name, checkDnsLabel(port.name)));
      if (names.has(port.name)) faults.push(duplicate(`${path}.name`, port.name));
      names.add(port.name);
    } else if (ports.length > 1) faults.push(required(`${path}.name`));
    faults.push(...validatePortNumber(`${path}.port`, port.port));
    faults.push(...oneOf(`${path}.protocol`, port.protocol, protocols));
    faults.push(...validatePortOrName(`${path}.targetPort`, port.targetPort ?? 0));
    if (port.appProtocol !== undefined) {
      faults.push(...checked(`${path}.appProtocol`, port.appProtocol, checkQualifiedName(port.appProtocol)));
    }
    return faults;
  });
}

/** S23, S24. */
function validatePortPairs({ spec }: Service): FieldError[] {
  const ports = spec.ports ?? [];
  const faults: FieldError[] = [];
  const nodePorts = new Set<string>();
  const pairs = new Set<string>();
  for (const [index, { nodePort }] of ports.entries()) {
    if (nodePort && spec.type === "ClusterIP") {
      faults.push(forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  }
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    const key = `${protocol} ${nodePort}`;
    if (nodePorts.has(key)) faults.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    nodePorts.add(key);
  }
  for (const [index, { protocol, port }] of ports.entries()) {
    const key = `${protocol} ${port}`;
    if (pairs.has(key)) faults.push(duplicate(`spec.ports[${index}]`, portPair(protocol, port)));
    pairs.add(key);
  }
  return faults;
}

/** Kubernetes prints the whole port as it holds it inside, with nothing but the pair filled in. */
function portPair(protocol: string | undefined, port: number): unknown {
  return { Name: "", Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

/** S31. */
function validateAffinity({ spec }: Service): FieldError[] {
  const path = "spec.sessionAffinityConfig";
  const config = spec.sessionAffinityConfig;
  const faults = oneOf("spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  if (spec.sessionAffinity === "None" && config) {
    faults.push(forbidden(path, "must not be set when session affinity is None"));
  }
  if (spec.sessionAffinity !== "ClientIP") return faults;
  const detail = "when session affinity type is ClientIP";
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) faults.push(required(path, detail));
  else if (!config.clientIP) faults.push(required(`${path}.clientIP`, detail));
  else if (seconds === undefined) faults.push(required(`${path}.clientIP.timeoutSeconds`, detail));
  else if (seconds <= 0 || seconds > maxAffinitySeconds) {
    const range = `must be greater than 0 and less than ${maxAffinitySeconds}`;
    faults.push(invalid(`${path}.clientIP.timeoutSeconds`, seconds, range));
  }
  return faults;
}

/** S37. */
function validateExternalIps({ spec }: Service, old: Service | undefined): FieldError[] {
  return (spec.externalIPs ?? []).flatMap((ip, index) => {
    const path = `spec.externalIPs[${index}]`;
    const faults = validateIp(path, ip, old?.spec.externalIPs);
    return faults.length > 0 ? faults : validateNonSpecialIp(path, ip);
  });
}

/** S39, S40: the field, or else the annotation that came before it. */
function validateSourceRanges({ metadata, spec }: Service, old: Service | undefined): FieldError[] {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[sourceRangesAnnotation];
  if (ranges.length > 0) {
    // Kubernetes writes this path with a capital letter.
    const path = "spec.LoadBalancerSourceRanges";
    const stored = old?.spec.loadBalancerSourceRanges?.map((range) => range.trim());
    return [
      ...(spec.type === "LoadBalancer" ? [] : [forbidden(path, onlyLoadBalancer)]),
      ...ranges.flatMap((range, index) => validateCidr(`${path}[${index}]`, range.trim(), stored)),
    ];
  }
  if (annotation === undefined) return [];
  const path = `metadata.annotations[${sourceRangesAnnotation}]`;
  const faults = spec.type === "LoadBalancer" ? [] : [forbidden(path, onlyLoadBalancer)];
  const unchanged = old?.metadata.annotations?.[sourceRangesAnnotation] === annotation;
  if (unchanged || annotation.trim() === "") return faults;
  return [...faults, ...annotation.split(",").flatMap((range) => validateCidr(path, range.trim()))];
}

/** S41, S42. */
function validateLoadBalancerFields(service: Service): FieldError[] {
  const { spec } = service;
  const faults: FieldError[] = [];
  const isLoadBalancer = spec.type === "LoadBalancer";
  const allocates = spec.allocateLoadBalancerNodePorts;
  if (allocates !== undefined && !isLoadBalancer) {
    faults.push(forbidden("spec.allocateLoadBalancerNodePorts", onlyLoadBalancer));
  }
  if (allocates === undefined && isLoadBalancer) faults.push(required("spec.allocateLoadBalancerNodePorts"));
  return [...faults, ...validateClass(service)];
}

/** S44, S45. */
function validateExternalTraffic(service: Service): FieldError[] {
  const { externalTrafficPolicy, healthCheckNodePort = 0 } = service.spec;
  const faults: FieldError[] = [];
  if (isExternallyAccessible(service)) {
    faults.push(...oneOf("spec.externalTrafficPolicy", externalTrafficPolicy, trafficPolicies));
  } else if (externalTrafficPolicy) {
    const detail = "may only be set for externally-accessible services";
    faults.push(invalid("spec.externalTrafficPolicy", externalTrafficPolicy, detail));
  }
  if (needsHealthCheckNodePort(service)) {
    if (healthCheckNodePort === 0) faults.push(required("spec.healthCheckNodePort"));
    else faults.push(...validatePortNumber("spec.healthCheckNodePort", healthCheckNodePort));
  } else if (healthCheckNodePort !== 0) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    faults.push(invalid("spec.healthCheckNodePort", healthCheckNodePort, detail));
  }
  return faults;
}

/** S46, S47. */
function validateInternalTraffic({ spec }: Service): FieldError[] {
  const faults: FieldError[] = [];
  const policy = spec.internalTrafficPolicy;
  if (policy !== undefined && !trafficPolicies.includes(policy)) {
    faults.push(notSupported("spec.internalTrafficPolicy", policy, trafficPolicies));
  } else if (policy === undefined && ["ClusterIP", "NodePort", "LoadBalancer"].includes(spec.type ?? "")) {
    faults.push(required("spec.internalTrafficPolicy"));
  }
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !trafficDistributions.includes(distribution)) {
    faults.push(notSupported("spec.trafficDistribution", distribution, trafficDistributions));
  }
  return faults;
}
