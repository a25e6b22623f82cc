import type { IPBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec } from "kubernetes-types/networking/v1";
import { cidrContainsCidr, parseCidrSloppy } from "../../net/cidr.ts";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkPortName } from "../names.ts";
import type { NetworkPolicy } from "../object.ts";
import { networkPolicies } from "../resource.ts";
import { formatLabelSelector, labelSelectorOf } from "../selectors.ts";
import { validateCidr, warnAboutCidr } from "./_address.ts";
import { checked, validateLabelSelector, validatePortNumber } from "./_check.ts";
import { ageColumn, nameColumn, none, text } from "./_column.ts";
import { specOf } from "./_workload.ts";

const protocols = ["TCP", "UDP", "SCTP"];
const policyTypes = ["Ingress", "Egress"];

interface Rule {
  /** "spec.ingress[0]" and "from", or "spec.egress[0]" and "to". */
  readonly path: string;
  readonly side: "from" | "to";
  readonly ports: readonly NetworkPolicyPort[];
  readonly peers: readonly NetworkPolicyPeer[];
}

function rulesOf({ ingress = [], egress = [] }: NetworkPolicySpec): Rule[] {
  return [
    ...ingress.map(({ ports = [], from = [] }, index): Rule => {
      return { path: `spec.ingress[${index}]`, side: "from", ports, peers: from };
    }),
    ...egress.map(({ ports = [], to = [] }, index): Rule => {
      return { path: `spec.egress[${index}]`, side: "to", ports, peers: to };
    }),
  ];
}

/** Every CIDR of a policy, with the field in which it stands. */
function cidrsOf(spec: NetworkPolicySpec): (readonly [field: string, cidr: string])[] {
  return rulesOf(spec).flatMap(({ path, side, peers }) =>
    peers.flatMap(({ ipBlock }, index) => {
      const field = `${path}.${side}[${index}].ipBlock`;
      const except = (ipBlock?.except ?? []).map((cidr, at) => [`${field}.except[${at}]`, cidr] as const);
      return ipBlock?.cidr ? [[`${field}.cidr`, ipBlock.cidr] as const, ...except] : except;
    }),
  );
}

/** Source: the field docs of NetworkPolicySpec. */
function setDefaults(policy: NetworkPolicy): void {
  const spec = specOf(policy);
  for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of ports) port.protocol ??= "TCP";
  }
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

function validate({ spec }: NetworkPolicy, old?: NetworkPolicy): FieldError[] {
  const stored = old ? cidrsOf(old.spec).map(([, cidr]) => cidr) : [];
  const faults = validateLabelSelector("spec.podSelector", spec.podSelector ?? {});
  for (const { path, side, ports, peers } of rulesOf(spec)) {
    faults.push(...ports.flatMap((port, index) => validatePort(`${path}.ports[${index}]`, port)));
    faults.push(...peers.flatMap((peer, index) => validatePeer(`${path}.${side}[${index}]`, peer, stored)));
  }
  const types = spec.policyTypes ?? [];
  if (types.length > policyTypes.length) {
    return [...faults, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")];
  }
  const unknown = types.flatMap((type, index) =>
    policyTypes.includes(type) ? [] : [notSupported(`spec.policyTypes[${index}]`, type, policyTypes)],
  );
  return [...faults, ...unknown];
}

function validatePort(path: string, { port, endPort, protocol }: NetworkPolicyPort): FieldError[] {
  const faults: FieldError[] = [];
  if (protocol !== undefined && !protocols.includes(protocol)) {
    faults.push(notSupported(`${path}.protocol`, protocol, protocols));
  }
  if (typeof port === "number") {
    faults.push(...validatePortNumber(`${path}.port`, port));
    if (endPort === undefined) return faults;
    if (endPort < port) faults.push(invalid(`${path}.endPort`, endPort, "must be greater than or equal to `port`"));
    return [...faults, ...validatePortNumber(`${path}.endPort`, endPort)];
  }
  if (endPort !== undefined) {
    const state = port === undefined ? "not specified" : "non-numeric";
    faults.push(invalid(`${path}.endPort`, endPort, `may not be specified when \`port\` is ${state}`));
  }
  return port === undefined ? faults : [...faults, ...checked(`${path}.port`, port, checkPortName(port))];
}

function validatePeer(path: string, peer: NetworkPolicyPeer, stored: readonly string[]): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const faults = podSelector ? validateLabelSelector(`${path}.podSelector`, podSelector) : [];
  if (namespaceSelector) faults.push(...validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector));
  if (ipBlock) faults.push(...validateBlock(`${path}.ipBlock`, ipBlock, stored));
  if (!podSelector && !namespaceSelector && !ipBlock) faults.push(required(path, "must specify a peer"));
  if (ipBlock && (podSelector || namespaceSelector)) {
    faults.push(forbidden(path, "may not specify both ipBlock and another peer"));
  }
  return faults;
}

function validateBlock(path: string, { cidr, except = [] }: IPBlock, stored: readonly string[]): FieldError[] {
  if (!cidr) return [required(`${path}.cidr`)];
  const faults = validateCidr(`${path}.cidr`, cidr, stored);
  const outer = parseCidrSloppy(cidr);
  if (!outer) return faults;
  for (const [index, text] of except.entries()) {
    const field = `${path}.except[${index}]`;
    faults.push(...validateCidr(field, text, stored));
    const inner = parseCidrSloppy(text);
    if (!inner || (cidrContainsCidr(outer, inner) && inner.prefix > outer.prefix)) continue;
    faults.push(invalid(field, text, "must be a strict subset of `cidr`"));
  }
  return faults;
}

export const networkPolicyKind: Kind<NetworkPolicy> = {
  ...networkPolicies,
  singular: "networkpolicy",
  shortNames: ["netpol"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.networking.v1.NetworkPolicy",
  setDefaults,
  validate,
  warnings: ({ spec }) => [
    ...cidrsOf(spec).flatMap(([field, cidr]) => warnAboutCidr(field, cidr)),
    "fairlead stores NetworkPolicies and does not enforce them: all Pods can still reach each other",
  ],
  columns: [
    nameColumn,
    text("Pod-Selector", "Labels of the Pods that it is for.", ({ spec }) => {
      return formatLabelSelector(labelSelectorOf(spec.podSelector ?? {})) || none;
    }),
    ageColumn,
  ],
};
