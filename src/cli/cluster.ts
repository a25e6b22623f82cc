/** The embedded cluster's facts, decided once by `fairlead up` and handed to every process as JSON. */
import type { TolerationSeconds } from "./node-options.ts";

export interface NodeConfig {
  readonly name: string;
  /** Its address on the underlay, one for each family, the primary one first, e.g. ["172.18.0.2", "fd00:172:18::2"]. */
  readonly addresses: readonly string[];
  /** e.g. ["10.244.0.0/24", "fd00:10:244::/64"]. */
  readonly podCidrs: readonly string[];
  /** Its label topology.kubernetes.io/zone, e.g. "zone-a". */
  readonly zone: string;
}

export interface UnderlayNetwork {
  readonly address: string;
  readonly prefix: number;
}

/** Lists with one value for each family of the cluster have the primary family's first: IPv4, then IPv6 with `--dual-stack`. */
export interface ClusterConfig {
  /** Of this run: processes and namespaces carry it. */
  readonly id: string;
  readonly dataDir: string;
  /** A tmpfs of the cluster's mount namespace, under dataDir: network namespaces, Pod folders, sockets. */
  readonly runDir: string;
  readonly clusterDomain: string;
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly dnsAddresses: readonly string[];
  readonly nodePortRange: { readonly from: number; readonly to: number };
  /** The pools of LoadBalancer addresses, inside the underlay's networks. */
  readonly loadBalancerPool: string;
  /** The underlay bridge and its addresses, e.g. "172.18.0.1" of a /16; API server and outside clients are there. */
  readonly underlay: { readonly bridge: string; readonly networks: readonly UnderlayNetwork[] };
  /** Port of the API server, on 127.0.0.1 of the host and on the underlay address. */
  readonly apiPort: number;
  readonly nodes: readonly NodeConfig[];
  /** Silence after which a Node counts as gone; its agent renews its Lease four times in it. */
  readonly nodeGraceMs: number;
  /** So long Pods that do not say stay on a Node that is gone; default 300. */
  readonly tolerations: TolerationSeconds;
  /** Admission that is off by default, e.g. ["DenyServiceExternalIPs"]. */
  readonly enabledAdmission: readonly string[];
  /** Registries that images are pulled from: host as in their names → base URL, e.g. { "docker.io": "https://mirror.example" }. */
  readonly registries: Readonly<Record<string, string>>;
  /** What runs images: "process", "crun" or "runc". */
  readonly containerRuntime: string;
}

/** Of the bridge: where the API server answers. */
export const underlayAddress = ({ underlay }: ClusterConfig): string => underlay.networks[0]?.address ?? "";
