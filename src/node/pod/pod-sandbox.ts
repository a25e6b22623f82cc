/** What the containers of a Pod share: network, host name, and the files that tell of them. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/object.ts";
import { formatHosts, type PodNames, podNames } from "../name-resolution/hosts-file.ts";
import { formatResolvConf, podResolver } from "../name-resolution/resolv-conf.ts";
import { hostPortsOf } from "../network/host-ports.ts";
import type { Mount } from "../runtime/container-runtime.ts";
import type { PodContext } from "./pod-context.ts";
import { namesDirectory, sharedMemoryDirectory } from "./pod-paths.ts";
import { sysctlsOf } from "./pod-sysctls.ts";

export interface PodSandbox {
  readonly podIps: readonly string[];
  /** Undefined: the node's own. */
  readonly networkNamespace: string | undefined;
  /** Undefined: the node's own. */
  readonly ipcNamespace: string | undefined;
  readonly names: PodNames;
  /** /etc/hosts, /etc/hostname, /etc/resolv.conf, /dev/shm. */
  readonly mounts: readonly Mount[];
}

function readNodeFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function networkOf({ network, config }: PodContext, pod: Pod): Pick<PodSandbox, "podIps" | "networkNamespace"> {
  if (pod.spec.hostNetwork) return { podIps: config.nodeIps, networkNamespace: undefined };
  const { ips, path } = network.create(pod.metadata.uid ?? "", (all) => hostPortsOf(pod, all));
  return { podIps: ips, networkNamespace: path };
}

/** Shared by the containers, as their IPC namespace is. */
function sharedMemory({ directories }: PodContext, { metadata, spec }: Pod): Mount {
  const target = "/dev/shm";
  if (spec.hostIPC) return { source: target, target, readOnly: false };
  const source = sharedMemoryDirectory(directories, metadata.uid ?? "");
  mkdirSync(source, { recursive: true });
  chmodSync(source, 0o1777);
  return { source, target, readOnly: false };
}

/** Made, or found as it was; throws an Error with one sentence. */
export function ensureSandbox(context: PodContext, pod: Pod): PodSandbox {
  const { config, directories } = context;
  const { podIps, networkNamespace } = networkOf(context, pod);
  const names = podNames(pod, { clusterDomain: config.clusterDomain, nodeName: config.nodeName });
  const directory = namesDirectory(directories, pod.metadata.uid ?? "");
  const resolver = podResolver(pod, { ...config, nodeResolvConf: readNodeFile("/etc/resolv.conf") });
  const files: Readonly<Record<string, string>> = {
    hosts: formatHosts(pod, { names, podIps, nodeHosts: readNodeFile("/etc/hosts") }),
    hostname: `${names.utsName}\n`,
    "resolv.conf": formatResolvConf(resolver),
  };
  const uid = pod.metadata.uid ?? "";
  const ipcNamespace = pod.spec.hostIPC ? undefined : context.ipc.create(uid);
  context.setSysctls({ networkNamespace, ipcNamespace }, sysctlsOf(pod));
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const mounts = Object.keys(files).map((name) => ({
    source: join(directory, name),
    target: `/etc/${name}`,
    readOnly: false,
  }));
  return { podIps, networkNamespace, ipcNamespace, names, mounts: [...mounts, sharedMemory(context, pod)] };
}
