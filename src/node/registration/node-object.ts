/** The Node as its agent writes it (pure). Source: core/v1 Node, "Well-Known Labels". */
import type { NodeCondition, NodeStatus, NodeSystemInfo } from "kubernetes-types/core/v1";
import type { Node } from "../../api/object.ts";
import type { AgentConfig } from "../agent-config.ts";
import { apiTime } from "../pod/container-status.ts";

/** What the machine says of itself. */
export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** As Kubernetes names them: "amd64". */
  readonly architecture: string;
  readonly kernelVersion: string;
  /** e.g. "Debian GNU/Linux 12 (bookworm)". */
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
  /** e.g. "fairlead://0.1.0". */
  readonly runtimeVersion: string;
}

const kubeletVersion = "v1.36.0+fairlead.0";
const defaultMaxPods = 110;
const defaultZone = "zone-a";

function quantities({ cpus, memoryBytes, diskBytes }: Machine, maxPods: number): Record<string, string> {
  return {
    cpu: String(cpus),
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    "ephemeral-storage": `${Math.floor(diskBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

/** The resources that Pods may have: all, since nothing is held back for the system. */
export function nodeResources(machine: Machine, config: AgentConfig): Record<string, string> {
  return quantities(machine, config.maxPods ?? defaultMaxPods);
}

export function nodeLabels(config: AgentConfig, { architecture }: Machine): Record<string, string> {
  const { nodeName, labels = {}, zone = defaultZone } = config;
  return {
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": "linux",
    "beta.kubernetes.io/arch": architecture,
    "topology.kubernetes.io/zone": zone,
    ...labels,
  };
}

const healthy: readonly Pick<NodeCondition, "type" | "status" | "reason" | "message">[] = [
  {
    type: "MemoryPressure",
    status: "False",
    reason: "KubeletHasSufficientMemory",
    message: "kubelet has sufficient memory available",
  },
  {
    type: "DiskPressure",
    status: "False",
    reason: "KubeletHasNoDiskPressure",
    message: "kubelet has no disk pressure",
  },
  {
    type: "PIDPressure",
    status: "False",
    reason: "KubeletHasSufficientPID",
    message: "kubelet has sufficient PID available",
  },
  { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
];

/** Another writer says of one of our conditions what we do not. */
export const isMarked = ({ status }: Node): boolean =>
  healthy.some(
    ({ type, status: ours }) => status?.conditions?.find((condition) => condition.type === type)?.status !== ours,
  );

function conditionsOf(old: readonly NodeCondition[], nowMs: number): NodeCondition[] {
  const now = apiTime(nowMs);
  const mine = healthy.map((condition): NodeCondition => {
    const before = old.find(({ type }) => type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
  return [...mine, ...old.filter(({ type }) => !healthy.some((condition) => condition.type === type))];
}

function nodeInfo(machine: Machine): NodeSystemInfo {
  const { architecture, kernelVersion, osImage, machineId, bootId, runtimeVersion } = machine;
  return {
    architecture,
    bootID: bootId,
    containerRuntimeVersion: runtimeVersion,
    kernelVersion,
    // It has been the kubelet's in name only since the field is deprecated.
    kubeProxyVersion: "",
    kubeletVersion,
    machineID: machineId,
    operatingSystem: "linux",
    osImage,
    systemUUID: machineId,
  };
}

/** `old` is the status that the API server has, if any. */
export function nodeStatus(
  config: AgentConfig,
  { machine, old, nowMs }: { machine: Machine; old: NodeStatus | undefined; nowMs: number },
): NodeStatus {
  const resources = nodeResources(machine, config);
  return {
    ...old,
    addresses: [
      ...config.nodeIps.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: config.nodeName },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: conditionsOf(old?.conditions ?? [], nowMs),
    daemonEndpoints: { kubeletEndpoint: { Port: config.server.port } },
    nodeInfo: nodeInfo(machine),
  };
}

/** A Node to be created; one that exists keeps what others wrote (taints, labels of theirs). */
export function nodeObject(config: AgentConfig, { machine, old }: { machine: Machine; old: Node | undefined }): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    ...old,
    metadata: {
      ...old?.metadata,
      name: config.nodeName,
      labels: { ...old?.metadata.labels, ...nodeLabels(config, machine) },
    },
    spec: { ...old?.spec, podCIDR: config.podCidrs[0] ?? "", podCIDRs: [...config.podCidrs] },
  };
}
