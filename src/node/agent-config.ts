import type { MachineConfig } from "./runtime/cri/open-cri.ts";

/** What a node agent must be told; everything else it learns from the machine and from the API. */
export interface AgentConfig {
  readonly nodeName: string;
  /** Addresses of the node on the underlay, e.g. ["172.18.0.2"]; hostNetwork Pods share them. The primary family's is the first, here and below. */
  readonly nodeIps: readonly string[];
  /** Addresses for this node's Pods, e.g. ["10.244.0.0/24", "fd00:10:244::/64"]; the first of each is the bridge's own. */
  readonly podCidrs: readonly string[];
  /** All Pods of the cluster, e.g. ["10.244.0.0/16"]. */
  readonly clusterCidrs: readonly string[];
  /** Addresses of the cluster's DNS Service, e.g. ["10.96.0.10"]. */
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** Of this run of the cluster (a tmpfs): network namespaces, FIFOs, Secrets. The agent keeps to `<runDir>/netns` and `<runDir>/nodes/<nodeName>`. */
  readonly runDir: string;
  /** Survives runs: logs and emptyDir volumes, in `<dataDir>/nodes/<nodeName>`, and images in `<dataDir>/images`. */
  readonly dataDir: string;
  /** The kubelet-like server: `https://<nodeIps[0]>:<port>`, clients with a certificate of `caFile` only. */
  readonly server: {
    readonly port: number;
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
  };
  /** What runs images: "process" (default), "crun", "runc" or "unix://<socket of containerd>"; the machine's own programs are processes in every case. */
  readonly containerRuntime?: string;
  /** For containerd, which lives outside of the cluster's namespaces. */
  readonly machine?: MachineConfig;
  /** What the built-in images run: program and first arguments, e.g. ["/usr/bin/node", "/opt/fairlead/bin/fairlead.js"]. */
  readonly programs: {
    readonly fairlead: readonly string[];
    /** Default: this process's Node with the echo server made from its source. */
    readonly echo?: readonly string[];
  };
  /** Who pulls images, since an agent's network has no way out; absent: nobody does. */
  readonly registry?: {
    /** A unix socket that `startPullService` serves. */
    readonly socket: string;
    /** The registries that the user named, e.g. "docker.io", "localhost:5000". */
    readonly hosts: readonly string[];
  };
  /** Beside the well-known ones, e.g. { "node-role.kubernetes.io/control-plane": "" }. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Label topology.kubernetes.io/zone; default "zone-a". */
  readonly zone?: string;
  /** So long its Lease holds; it is renewed four times as often (kubelet's nodeLeaseDurationSeconds); default 40. */
  readonly leaseDurationSec?: number;
  /** MTU of Pod interfaces; default: that of the device that holds the first of nodeIps. */
  readonly mtu?: number;
  /** Pods the node takes; default 110. */
  readonly maxPods?: number;
}
