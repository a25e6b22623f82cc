/** A Pod's sandbox and a container as CRI wants them (pure). Source: k8s.io/cri-api; core/v1. */
import { dirname, relative } from "node:path";
import type { ContainerSpec, Mount } from "../container-runtime.ts";
import { hiddenPaths, readablePaths } from "../masked-paths.ts";
import { networkAnnotations } from "./cni-plugin.ts";
import { type containerConfig, namespaceMode, type sandboxConfig, securityProfile } from "./messages.ts";
import type { In, Message } from "./protobuf.ts";
import { type Owner, ownerLabels, podLabels, recordAnnotations } from "./record.ts";

type Given<M> = M extends Message<infer F> ? In<F> : never;
export type SandboxConfig = Given<typeof sandboxConfig>;
export type ContainerConfig = Given<typeof containerConfig>;

export interface Place extends Owner {
  /** Before a path of the cluster's mount namespace, as the machine sees it: "/proc/4711/root"; "" when it is the same. */
  readonly clusterRoot: string;
  /** Path of the node's network namespace, for Pods that have none of their own. */
  readonly nodeNamespace: string;
  /** The node's addresses. */
  readonly nodeIps: readonly string[];
  /** Where its cgroups are made; absent: containerd's usual place. */
  readonly cgroupParent?: string;
}

const withPrefix = (ip: string): string => (ip.includes("/") ? ip : `${ip}/${ip.includes(":") ? 128 : 32}`);
const logRoot = ({ logFile }: ContainerSpec): string => dirname(dirname(logFile));

export function sandboxOf(spec: ContainerSpec, place: Place, attempt: number): SandboxConfig {
  const { podUid, pod, hostname, networkNamespace = place.nodeNamespace, ipcNamespace, pidNamespace } = spec;
  const ips = pod && pod.ips.length > 0 ? pod.ips : place.nodeIps;
  return {
    metadata: { name: pod?.name ?? podUid, namespace: pod?.namespace ?? "default", uid: podUid, attempt },
    hostname,
    logDirectory: logRoot(spec),
    labels: { ...podLabels(spec), ...ownerLabels(place) },
    annotations: {
      [networkAnnotations.path]: `${place.clusterRoot}${networkNamespace}`,
      [networkAnnotations.addresses]: ips.map(withPrefix).join(" "),
    },
    linux: {
      ...(place.cgroupParent !== undefined && { cgroupParent: place.cgroupParent }),
      securityContext: {
        privileged: pod?.privileged ?? false,
        seccomp: { profileType: securityProfile.unconfined },
        namespaceOptions: {
          pid: pidNamespace === "node" ? namespaceMode.node : namespaceMode.container,
          ipc: ipcNamespace === undefined ? namespaceMode.node : namespaceMode.pod,
        },
      },
    },
  };
}

function mountOf({ source, target, readOnly }: Mount) {
  if (source === undefined) throw new Error(`a file system in memory cannot be mounted at ${target} by containerd`);
  return { containerPath: target, hostPath: source, readonly: readOnly };
}

const cpuPeriodUs = 100_000;

function resourcesOf({ limits = {} }: ContainerSpec) {
  const { memoryBytes, cpuMillis, cpuRequestMillis } = limits;
  return {
    ...(memoryBytes !== undefined && { memoryLimitInBytes: memoryBytes }),
    ...(cpuMillis !== undefined && {
      cpuPeriod: cpuPeriodUs,
      cpuQuota: Math.max(1000, (cpuMillis * cpuPeriodUs) / 1000),
    }),
    ...(cpuRequestMillis !== undefined && { cpuShares: Math.max(2, Math.floor((cpuRequestMillis * 1024) / 1000)) }),
  };
}

export interface ContainerPlace extends Owner {
  /** As containerd knows it. */
  readonly image: string;
  /** Id of the container whose processes it sees, as containerd knows it; absent: the sandbox's, when there is one to share. */
  readonly target?: string | undefined;
  /** A file of the machine with `seccompProfile`. */
  readonly seccompFile?: string | undefined;
}

function pidOption({ pidNamespace }: ContainerSpec, target: string | undefined) {
  if (pidNamespace === undefined) return { pid: namespaceMode.container };
  if (pidNamespace === "node") return { pid: namespaceMode.node };
  return target === undefined ? { pid: namespaceMode.pod } : { pid: namespaceMode.target, targetId: target };
}

function seccompOf({ seccomp }: ContainerSpec, file: string | undefined) {
  if (file !== undefined) return { profileType: securityProfile.localhost, localhostRef: file };
  return { profileType: seccomp ? securityProfile.runtimeDefault : securityProfile.unconfined };
}

function securityOf(spec: ContainerSpec, { target, seccompFile }: ContainerPlace) {
  const { user = { uid: 0, gid: 0 }, capabilities, maskPaths, ipcNamespace } = spec;
  // Who may do everything sees everything.
  const privileged = (spec.pod?.privileged ?? false) && capabilities === undefined && !maskPaths;
  return {
    privileged,
    capabilities: capabilities
      ? { dropCapabilities: ["ALL"], addCapabilities: capabilities }
      : { addCapabilities: ["ALL"] },
    namespaceOptions: {
      ipc: ipcNamespace === undefined ? namespaceMode.node : namespaceMode.pod,
      ...pidOption(spec, target),
    },
    runAsUser: { value: user.uid },
    runAsGroup: { value: user.gid },
    supplementalGroups: user.groups ?? [],
    readonlyRootfs: spec.readOnlyRoot ?? false,
    noNewPrivs: spec.noNewPrivileges ?? false,
    ...(maskPaths && { maskedPaths: hiddenPaths, readonlyPaths: readablePaths }),
    seccomp: seccompOf(spec, seccompFile),
  };
}

export function containerOf(spec: ContainerSpec, place: ContainerPlace): ContainerConfig {
  const { name, attempt, argv, workingDir, env, mounts, input, tty = false, logFile } = spec;
  return {
    metadata: { name, attempt },
    image: { image: place.image },
    command: argv,
    workingDir,
    envs: Object.entries(env).map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: mounts.map(mountOf),
    labels: { ...podLabels(spec), "io.kubernetes.container.name": name, ...ownerLabels(place) },
    annotations: recordAnnotations(spec),
    logPath: relative(logRoot(spec), logFile),
    ...{ stdin: input !== undefined, stdinOnce: input === "once", tty },
    linux: { resources: resourcesOf(spec), securityContext: securityOf(spec, place) },
  };
}
