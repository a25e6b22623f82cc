/**
 * KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), field by field: what each is, kube-proxy's flag for it, and
 * whether it does anything here. Files, flags, `--help` and `--write-config-to` are made from this table.
 */
import { schedulers } from "../backends/ipvs/options.ts";

export type Value = string | number | boolean | readonly string[] | Readonly<Record<string, boolean>>;
export type Kind = "text" | "list" | "boolean" | "integer" | "number" | "duration" | "address" | "gates";

export interface Field {
  /** e.g. "nftables.syncPeriod". */
  readonly path: string;
  readonly kind: Kind;
  /** Durations in milliseconds. */
  readonly default: Value;
  /** Name of the flag. */
  readonly flag?: string;
  readonly help: string;
  /** 0 in a file stands for the default too, as in kube-proxy; for texts and lists an empty one always does. */
  readonly zeroIsDefault?: true;
  /** Why another value than the default changes nothing: the end of a sentence. */
  readonly unused?: string;
}

const minute = 60_000;
const hour = 60 * minute;

const general: readonly Field[] = [
  {
    path: "mode",
    kind: "text",
    default: "auto",
    flag: "proxy-mode",
    help: "auto, nftables, iptables, ipvs, ebpf or userspace",
  },
  {
    path: "hostnameOverride",
    kind: "text",
    default: "",
    flag: "hostname-override",
    help: "name of this machine's Node (default: its host name)",
  },
  {
    path: "bindAddress",
    kind: "text",
    default: "0.0.0.0",
    flag: "bind-address",
    help: "address of the node that counts as its primary one; nothing listens there",
  },
  {
    path: "healthzBindAddress",
    kind: "address",
    default: "0.0.0.0:10256",
    flag: "healthz-bind-address",
    help: 'serves /healthz, /livez and /readyz; "" for none',
  },
  {
    path: "metricsBindAddress",
    kind: "address",
    default: "127.0.0.1:10249",
    flag: "metrics-bind-address",
    help: 'serves /metrics, /proxyMode and /configz; "" for none',
  },
  {
    path: "bindAddressHardFail",
    kind: "boolean",
    default: false,
    flag: "bind-address-hard-fail",
    help: "end when one of these two addresses is taken, instead of trying again",
  },
  {
    path: "clusterCIDR",
    kind: "list",
    default: [],
    flag: "cluster-cidr",
    help: "blocks of Pod addresses; traffic from elsewhere to a clusterIP gets the node's address",
  },
  {
    path: "serviceCIDR",
    kind: "list",
    default: [],
    flag: "service-cidr",
    help: "blocks of clusterIPs beside those of the API's ServiceCIDR objects; packets to addresses in them that no Service has are dropped",
  },
  {
    path: "detectLocalMode",
    kind: "text",
    default: "ClusterCIDR",
    flag: "detect-local-mode",
    help: "what tells Pods from others: ClusterCIDR, NodeCIDR (the Node's podCIDRs), BridgeInterface or InterfaceNamePrefix",
  },
  {
    path: "detectLocal.bridgeInterface",
    kind: "text",
    default: "",
    flag: "pod-bridge-interface",
    help: "link that Pods' packets come in by, for BridgeInterface",
  },
  {
    path: "detectLocal.interfaceNamePrefix",
    kind: "text",
    default: "",
    flag: "pod-interface-name-prefix",
    help: "beginning of the names of the links that Pods' packets come in by, for InterfaceNamePrefix",
  },
  {
    path: "nodePortAddresses",
    kind: "list",
    default: [],
    flag: "nodeport-addresses",
    help: 'blocks of node addresses that take node ports, or "primary"; empty: all but loopback',
  },
  {
    path: "oomScoreAdj",
    kind: "integer",
    default: -999,
    flag: "oom-score-adj",
    help: "of this process, -1000 to 1000; left alone where it may not be lowered",
  },
  {
    path: "featureGates",
    kind: "gates",
    default: {},
    flag: "feature-gates",
    help: "AllowServiceExternalIPs=false leaves spec.externalIPs out; other gates do nothing",
  },
];

/** Fields that each kernel mode has. ebpf and userspace go by nftables'. */
const ofEachMode = (section: "iptables" | "ipvs" | "nftables"): readonly Field[] => [
  {
    path: `${section}.syncPeriod`,
    kind: "duration",
    default: 30_000,
    flag: `${section}-sync-period`,
    help: `mode ${section}: not healthy when a change waits for twice as long`,
    zeroIsDefault: true,
  },
  {
    path: `${section}.minSyncPeriod`,
    kind: "duration",
    default: 0,
    flag: `${section}-min-sync-period`,
    help: `mode ${section}: least time between two writes to the kernel`,
  },
  ...(section === "ipvs"
    ? []
    : [
        {
          path: `${section}.masqueradeBit`,
          kind: "integer" as const,
          default: 14,
          flag: `${section}-masquerade-bit`,
          help: `mode ${section}: bit of the packet mark that asks for masquerade, 0 to 31`,
        },
        {
          path: `${section}.masqueradeAll`,
          kind: "boolean" as const,
          default: false,

          help: "all clusterIP traffic gets the node's address",
        },
      ]),
];

const modes: readonly Field[] = [
  ...ofEachMode("nftables"),
  ...ofEachMode("iptables"),
  {
    path: "iptables.localhostNodePorts",
    kind: "boolean",
    default: true,
    flag: "localhost-nodeports",
    help: "127.0.0.1 takes node ports from processes of the node (sets net.ipv4.conf.all.route_localnet); all modes",
  },
  ...ofEachMode("ipvs"),
  {
    path: "ipvs.masqueradeAll",
    kind: "boolean",
    default: false,
    help: "all clusterIP traffic gets the node's address",
  },
  {
    path: "ipvs.scheduler",
    kind: "text",
    default: "rr",
    flag: "ipvs-scheduler",
    help: `mode ipvs: how a connection's endpoint is chosen: ${schedulers.join(", ")}`,
  },
  {
    path: "ipvs.excludeCIDRs",
    kind: "list",
    default: [],
    flag: "ipvs-exclude-cidrs",
    help: "mode ipvs: blocks of addresses whose virtual services are never deleted",
  },
  {
    path: "ipvs.strictARP",
    kind: "boolean",
    default: false,
    flag: "ipvs-strict-arp",
    help: "mode ipvs: answer ARP only on the link that has the address (what announces VIPs by ARP needs it)",
  },
  {
    path: "ipvs.tcpTimeout",
    kind: "duration",
    default: 0,
    flag: "ipvs-tcp-timeout",
    help: "mode ipvs: how long an idle TCP connection is remembered; 0: the kernel's value",
  },
  {
    path: "ipvs.tcpFinTimeout",
    kind: "duration",
    default: 0,
    flag: "ipvs-tcpfin-timeout",
    help: "mode ipvs: the same after a FIN",
  },
  {
    path: "ipvs.udpTimeout",
    kind: "duration",
    default: 0,
    flag: "ipvs-udp-timeout",
    help: "mode ipvs: the same for UDP",
  },
];

const conntrack: readonly Field[] = [
  {
    path: "conntrack.maxPerCore",
    kind: "integer",
    default: 32_768,
    flag: "conntrack-max-per-core",
    help: "tracked connections for each CPU; 0 leaves the limit alone",
  },
  {
    path: "conntrack.min",
    kind: "integer",
    default: 131_072,
    flag: "conntrack-min",
    help: "least number of tracked connections, whatever the CPUs",
  },
  {
    path: "conntrack.tcpEstablishedTimeout",
    kind: "duration",
    default: 24 * hour,
    flag: "conntrack-tcp-timeout-established",
    help: "how long an idle connection is tracked; 0: the kernel's value",
  },
  {
    path: "conntrack.tcpCloseWaitTimeout",
    kind: "duration",
    default: hour,
    flag: "conntrack-tcp-timeout-close-wait",
    help: "the same for one that is half closed",
  },
  {
    path: "conntrack.tcpBeLiberal",
    kind: "boolean",
    default: false,
    flag: "conntrack-tcp-be-liberal",
    help: "packets out of their window are no reason to give a connection up; then INVALID packets of Pods are not dropped",
  },
  {
    path: "conntrack.udpTimeout",
    kind: "duration",
    default: 0,
    flag: "conntrack-udp-timeout",
    help: "how long a UDP flow without an answer is tracked; 0: the kernel's value",
  },
  {
    path: "conntrack.udpStreamTimeout",
    kind: "duration",
    default: 0,
    flag: "conntrack-udp-timeout-stream",
    help: "the same for one that was answered",
  },
];

const noLimit = "requests to the API server are not limited, for there are few";
const windows = "this is not Windows";

const others: readonly Field[] = [
  { path: "clientConnection.kubeconfig", kind: "text", default: "", help: "the API server; --kubeconfig wins" },
  { path: "logging.format", kind: "text", default: "text", help: "text or json; --log-format wins" },
  { path: "logging.verbosity", kind: "integer", default: 0, help: "4 and more for debug; -v wins" },
  {
    path: "clientConnection.acceptContentTypes",
    kind: "text",
    default: "",
    help: "",
    unused: "this program speaks JSON",
  },
  {
    path: "clientConnection.contentType",
    kind: "text",
    default: "application/vnd.kubernetes.protobuf",
    flag: "kube-api-content-type",
    help: "",
    unused: "this program speaks JSON",
  },
  {
    path: "clientConnection.qps",
    kind: "number",
    default: 5,
    flag: "kube-api-qps",
    help: "",
    zeroIsDefault: true,
    unused: noLimit,
  },
  {
    path: "clientConnection.burst",
    kind: "integer",
    default: 10,
    flag: "kube-api-burst",
    help: "",
    zeroIsDefault: true,
    unused: noLimit,
  },
  {
    path: "configSyncPeriod",
    kind: "duration",
    default: 15 * minute,
    flag: "config-sync-period",
    help: "",
    zeroIsDefault: true,
    unused: "a watch misses nothing, so lists are not read again by the clock",
  },
  {
    path: "enableProfiling",
    kind: "boolean",
    default: false,
    flag: "profiling",
    help: "",
    unused: "there are no Go profiles (node --cpu-prof makes one)",
  },
  {
    path: "showHiddenMetricsForVersion",
    kind: "text",
    default: "",
    flag: "show-hidden-metrics-for-version",
    help: "",
    unused: "no metric is hidden",
  },
  { path: "portRange", kind: "text", default: "", help: "", unused: "no ports are taken" },
  { path: "windowsRunAsService", kind: "boolean", default: false, help: "", unused: windows },
  { path: "winkernel", kind: "gates", default: {}, help: "", unused: windows },
];

export const fields: readonly Field[] = [...general, ...modes, ...conntrack, ...others];
