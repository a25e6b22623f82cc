/** What is used of the Container Runtime Interface, version v1: messages and the numbers of their fields. Source: k8s.io/cri-api. */
import { bool, bytes, int, ints, list, map, message, string, strings, sub } from "./protobuf.ts";

/** Whose namespace a container or sandbox has. */
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const containerStates = ["created", "running", "exited", "unknown"] as const;
export const sandboxReady = 0;
export const securityProfile = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;

const int64Value = message({ value: int(1) });
const imageSpec = message({ image: string(1) });
const profile = message({ profileType: int(1), localhostRef: string(2) });
const namespaceOption = message({ network: int(1), pid: int(2), ipc: int(3), targetId: string(4) });
const sandboxMetadata = message({ name: string(1), uid: string(2), namespace: string(3), attempt: int(4) });
const containerMetadata = message({ name: string(1), attempt: int(2) });

const sandboxSecurity = message({
  namespaceOptions: sub(1, namespaceOption),
  runAsUser: sub(3, int64Value),
  runAsGroup: sub(8, int64Value),
  readonlyRootfs: bool(4),
  privileged: bool(6),
  seccomp: sub(9, profile),
});
const linuxSandbox = message({ cgroupParent: string(1), securityContext: sub(2, sandboxSecurity), sysctls: map(3) });
const dnsConfig = message({ servers: strings(1), searches: strings(2), options: strings(3) });
export const sandboxConfig = message({
  metadata: sub(1, sandboxMetadata),
  hostname: string(2),
  logDirectory: string(3),
  dnsConfig: sub(4, dnsConfig),
  labels: map(6),
  annotations: map(7),
  linux: sub(8, linuxSandbox),
});

const mount = message({ containerPath: string(1), hostPath: string(2), readonly: bool(3), propagation: int(5) });
const keyValue = message({ key: string(1), value: bytes(2) });
const resources = message({
  cpuPeriod: int(1),
  cpuQuota: int(2),
  cpuShares: int(3),
  memoryLimitInBytes: int(4),
  oomScoreAdj: int(5),
});
const capability = message({ addCapabilities: strings(1), dropCapabilities: strings(2) });
const containerSecurity = message({
  capabilities: sub(1, capability),
  privileged: bool(2),
  namespaceOptions: sub(3, namespaceOption),
  runAsUser: sub(5, int64Value),
  runAsGroup: sub(12, int64Value),
  runAsUsername: string(6),
  readonlyRootfs: bool(7),
  supplementalGroups: ints(8),
  noNewPrivs: bool(11),
  maskedPaths: strings(13),
  readonlyPaths: strings(14),
  seccomp: sub(15, profile),
});
const linuxContainer = message({ resources: sub(1, resources), securityContext: sub(2, containerSecurity) });
export const containerConfig = message({
  metadata: sub(1, containerMetadata),
  image: sub(2, imageSpec),
  command: strings(3),
  args: strings(4),
  workingDir: string(5),
  envs: list(6, keyValue),
  mounts: list(7, mount),
  labels: map(9),
  annotations: map(10),
  logPath: string(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: sub(15, linuxContainer),
});

const condition = message({ type: string(1), status: bool(2), reason: string(3), message: string(4) });
const podSandbox = message({
  id: string(1),
  metadata: sub(2, sandboxMetadata),
  state: int(3),
  labels: map(5),
  annotations: map(6),
});
const container = message({
  id: string(1),
  podSandboxId: string(2),
  metadata: sub(3, containerMetadata),
  state: int(6),
  labels: map(8),
  annotations: map(9),
});
const containerStatus = message({
  id: string(1),
  metadata: sub(2, containerMetadata),
  state: int(3),
  createdAt: int(4),
  startedAt: int(5),
  finishedAt: int(6),
  exitCode: int(7),
  reason: string(10),
  message: string(11),
  labels: map(12),
  annotations: map(13),
  logPath: string(15),
});
const image = message({ id: string(1), repoTags: strings(2), repoDigests: strings(3), size: int(4) });
const filter = message({ id: string(1), podSandboxId: string(3), labelSelector: map(4) });
const sandboxFilter = message({ id: string(1), labelSelector: map(3) });
const sandboxId = message({ podSandboxId: string(1) });
const containerId = message({ containerId: string(1) });
const url = message({ url: string(1) });
const imageRequest = message({ image: sub(1, imageSpec) });
const empty = message({});

const runtime = "/runtime.v1.RuntimeService";
const images = "/runtime.v1.ImageService";
const method = <Q, A>(service: string, name: string, request: Q, answer: A) => ({
  path: `${service}/${name}`,
  request,
  answer,
});

/** Methods by their names, with what goes and what comes. */
export const methods = {
  version: method(
    runtime,
    "Version",
    message({ version: string(1) }),
    message({ version: string(1), runtimeName: string(2), runtimeVersion: string(3), runtimeApiVersion: string(4) }),
  ),
  status: method(
    runtime,
    "Status",
    message({ verbose: bool(1) }),
    message({ status: sub(1, message({ conditions: list(1, condition) })), info: map(2) }),
  ),
  runPodSandbox: method(
    runtime,
    "RunPodSandbox",
    message({ config: sub(1, sandboxConfig), runtimeHandler: string(2) }),
    sandboxId,
  ),
  stopPodSandbox: method(runtime, "StopPodSandbox", sandboxId, empty),
  removePodSandbox: method(runtime, "RemovePodSandbox", sandboxId, empty),
  listPodSandbox: method(
    runtime,
    "ListPodSandbox",
    message({ filter: sub(1, sandboxFilter) }),
    message({ items: list(1, podSandbox) }),
  ),
  createContainer: method(
    runtime,
    "CreateContainer",
    message({ podSandboxId: string(1), config: sub(2, containerConfig), sandboxConfig: sub(3, sandboxConfig) }),
    containerId,
  ),
  startContainer: method(runtime, "StartContainer", containerId, empty),
  stopContainer: method(runtime, "StopContainer", message({ containerId: string(1), timeout: int(2) }), empty),
  removeContainer: method(runtime, "RemoveContainer", containerId, empty),
  listContainers: method(
    runtime,
    "ListContainers",
    message({ filter: sub(1, filter) }),
    message({ containers: list(1, container) }),
  ),
  containerStatus: method(
    runtime,
    "ContainerStatus",
    message({ containerId: string(1), verbose: bool(2) }),
    message({ status: sub(1, containerStatus), info: map(2) }),
  ),
  reopenContainerLog: method(runtime, "ReopenContainerLog", containerId, empty),
  execSync: method(
    runtime,
    "ExecSync",
    message({ containerId: string(1), cmd: strings(2), timeout: int(3) }),
    message({ stdout: bytes(1), stderr: bytes(2), exitCode: int(3) }),
  ),
  exec: method(
    runtime,
    "Exec",
    message({
      containerId: string(1),
      cmd: strings(2),
      tty: bool(3),
      stdin: bool(4),
      stdout: bool(5),
      stderr: bool(6),
    }),
    url,
  ),
  attach: method(
    runtime,
    "Attach",
    message({ containerId: string(1), stdin: bool(2), tty: bool(3), stdout: bool(4), stderr: bool(5) }),
    url,
  ),
  imageStatus: method(images, "ImageStatus", imageRequest, message({ image: sub(1, image) })),
  listImages: method(images, "ListImages", message({}), message({ images: list(1, image) })),
  pullImage: method(images, "PullImage", imageRequest, message({ imageRef: string(1) })),
  removeImage: method(images, "RemoveImage", imageRequest, empty),
} as const;
