/** A Pod's host name and /etc/hosts (pure). Source: "Adding entries to Pod /etc/hosts with HostAliases", core/v1 PodSpec.hostname. */
import type { Pod } from "../../api/object.ts";

/** The kernel takes 64 bytes; a DNS label has 63. */
const maxHostnameLength = 63;

export interface PodNames {
  readonly hostname: string;
  /** With spec.subdomain: "web-0.web.default.svc.cluster.local". */
  readonly fullName?: string;
  /** What the UTS namespace gets. */
  readonly utsName: string;
}

export function podNames(
  { metadata, spec }: Pod,
  { clusterDomain, nodeName }: { clusterDomain: string; nodeName: string },
): PodNames {
  const name = (spec.hostname || metadata.name).slice(0, maxHostnameLength).replace(/[-.]+$/, "");
  const hostname = spec.hostNetwork ? nodeName : name;
  if (!spec.subdomain) return { hostname, utsName: hostname };
  const fullName = `${name}.${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}`;
  return { hostname, fullName, utsName: spec.setHostnameAsFQDN ? fullName : hostname };
}

const wellKnown = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "fe00::0\tip6-mcastprefix",
  "fe00::1\tip6-allnodes",
  "fe00::2\tip6-allrouters",
];

export interface HostsInputs {
  readonly names: PodNames;
  readonly podIps: readonly string[];
  /** Text of the node's own file, for hostNetwork Pods. */
  readonly nodeHosts: string;
}

export function formatHosts({ spec }: Pod, { names, podIps, nodeHosts }: HostsInputs): string {
  const own = [names.fullName, names.hostname].filter((name) => name !== undefined).join("\t");
  const head = spec.hostNetwork
    ? ["# Kubernetes-managed hosts file (host network).", nodeHosts.trimEnd()]
    : ["# Kubernetes-managed hosts file.", ...wellKnown, ...podIps.map((ip) => `${ip}\t${own}`)];
  const aliases = (spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => [ip, ...hostnames].join("\t"));
  const tail = aliases.length > 0 ? ["", "# Entries added by HostAliases.", ...aliases] : [];
  return [...head, ...tail, ""].join("\n");
}
