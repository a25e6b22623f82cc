/** A Pod's /etc/resolv.conf (pure). Source: "DNS for Services and Pods", core/v1 PodSpec.dnsPolicy and dnsConfig. */
import type { PodDNSConfigOption } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";

export interface Resolver {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  /** "ndots:5" or "rotate". */
  readonly options: readonly string[];
}

const empty: Resolver = { nameservers: [], searches: [], options: [] };

/** resolv.conf(5); of several search lines the last counts. */
export function parseResolvConf(text: string): Resolver {
  const lines = text.split("\n").map((line) =>
    line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/),
  );
  const values = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  return {
    nameservers: values("nameserver").flatMap(([address]) => address ?? []),
    searches: [...values("domain"), ...values("search")].at(-1) ?? [],
    options: values("options").flat(),
  };
}

const formatOption = ({ name = "", value }: PodDNSConfigOption): string =>
  value === undefined ? name : `${name}:${value}`;

/** Later options win over earlier ones of the same name. */
function mergeOptions(options: readonly string[]): string[] {
  return [...new Map(options.map((option) => [option.split(":")[0] ?? "", option])).values()];
}

export interface ResolverInputs {
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** Text of the node's own file. */
  readonly nodeResolvConf: string;
}

function byPolicy({ spec, metadata }: Pod, { clusterDns, clusterDomain, nodeResolvConf }: ResolverInputs): Resolver {
  const { dnsPolicy = "ClusterFirst", hostNetwork = false } = spec;
  if (dnsPolicy === "None") return empty;
  const node = parseResolvConf(nodeResolvConf);
  // A hostNetwork Pod gets the cluster's DNS only when it says so.
  if (dnsPolicy === "Default" || (dnsPolicy === "ClusterFirst" && hostNetwork)) return node;
  const searches = [`${metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { nameservers: clusterDns, searches: [...searches, ...node.searches], options: ["ndots:5"] };
}

export function podResolver(pod: Pod, inputs: ResolverInputs): Resolver {
  const base = byPolicy(pod, inputs);
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  return {
    nameservers: [...new Set([...base.nameservers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: mergeOptions([...base.options, ...options.map(formatOption)]),
  };
}

export function formatResolvConf({ nameservers, searches, options }: Resolver): string {
  return [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}
