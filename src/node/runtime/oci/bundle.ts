/** A container as an OCI runtime wants it: config.json (pure). Source: OCI runtime-spec, config.md and config-linux.md. */
import type { ResourceLimits } from "../../cgroups/settings.ts";
import type { ContainerSpec, Mount } from "../container-runtime.ts";
import { devptsOptions } from "../device-steps.ts";
import { hiddenPaths, readablePaths } from "../masked-paths.ts";
import { deniedCalls } from "../seccomp.ts";

export interface ProcessWishes
  extends Pick<ContainerSpec, "user" | "env" | "workingDir" | "noNewPrivileges" | "capabilities"> {
  readonly argv: readonly string[];
  readonly tty?: boolean | undefined;
}

/** `owned` are the capabilities that the agent itself has: nobody can give more. */
export function ociProcess(wishes: ProcessWishes, owned: readonly string[]) {
  const { user, env, workingDir, noNewPrivileges, capabilities = owned, argv, tty = false } = wishes;
  const names = capabilities.filter((name) => owned.includes(name)).map((name) => `CAP_${name}`);
  return {
    terminal: tty,
    // The first one stands among the others as well: setgroups(2).
    user: user
      ? { uid: user.uid, gid: user.gid, additionalGids: [user.gid, ...(user.groups ?? [])] }
      : { uid: 0, gid: 0 },
    args: argv,
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    cwd: workingDir,
    capabilities: { bounding: names, effective: names, permitted: names },
    noNewPrivileges: noNewPrivileges ?? false,
  };
}

const surroundings = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "nodev", "noexec"] },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=64m"] },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: devptsOptions.split(",") },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "nodev", "noexec", "mode=1777", "size=64m"],
  },
  { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "ro", "nosuid", "nodev", "noexec"] },
];

function ociMount({ source, target, readOnly, recursive }: Mount) {
  // nosuid and nodev may be locked on the source in a user namespace: then "ro" alone is refused.
  const options = readOnly ? ["ro", ...(recursive ? ["rro"] : []), "nosuid", "nodev"] : ["rw"];
  if (source === undefined)
    return { destination: target, type: "tmpfs", source: "tmpfs", options: options.slice(0, 1) };
  return { destination: target, type: "bind", source, options: ["rbind", ...options] };
}

const cpuPeriodUs = 100_000;

/** The runtime's own rule lets the devices through that every container has. */
function resourcesOf({ memoryBytes, cpuMillis, cpuRequestMillis }: ResourceLimits, privileged: boolean) {
  const quota = cpuMillis === undefined ? undefined : Math.max(1000, (cpuMillis * cpuPeriodUs) / 1000);
  const shares = cpuRequestMillis === undefined ? undefined : Math.max(2, Math.floor((cpuRequestMillis * 1024) / 1000));
  return {
    devices: [{ allow: privileged, access: "rwm" }],
    ...(memoryBytes !== undefined && { memory: { limit: memoryBytes } }),
    cpu: { ...(quota !== undefined && { quota, period: cpuPeriodUs }), ...(shares !== undefined && { shares }) },
  };
}

const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64"],
  arm64: ["SCMP_ARCH_AARCH64"],
};

/** RuntimeDefault. 1: EPERM. */
const defaultProfile = () => ({
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: architectures[process.arch] ?? [],
  syscalls: [{ names: deniedCalls, action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
});

export interface BundleOptions {
  readonly rootfs: string;
  readonly joinPid: number | "node" | undefined;
  readonly owned: readonly string[];
  /** Where the runtime makes cgroups; absent: it is not its matter. */
  readonly cgroupsPath?: string | undefined;
}

function namespacesOf(spec: ContainerSpec, joinPid: BundleOptions["joinPid"]) {
  const { networkNamespace, ipcNamespace } = spec;
  return [
    { type: "mount" },
    { type: "uts" },
    ...(networkNamespace === undefined ? [] : [{ type: "network", path: networkNamespace }]),
    ...(ipcNamespace === undefined ? [] : [{ type: "ipc", path: ipcNamespace }]),
    ...(joinPid === undefined ? [{ type: "pid" }] : []),
    ...(typeof joinPid === "number" ? [{ type: "pid", path: `/proc/${joinPid}/ns/pid` }] : []),
  ];
}

export function ociConfig(spec: ContainerSpec, { rootfs, joinPid, owned, cgroupsPath }: BundleOptions) {
  const own = spec.mounts.map(({ target }) => target);
  const { seccomp, seccompProfile = seccomp ? defaultProfile() : undefined } = spec;
  const privileged = spec.capabilities === undefined;
  return {
    ociVersion: "1.0.2",
    process: ociProcess(spec, owned),
    root: { path: rootfs, readonly: spec.readOnlyRoot ?? false },
    hostname: spec.hostname,
    mounts: [...surroundings.filter(({ destination }) => !own.includes(destination)), ...spec.mounts.map(ociMount)],
    linux: {
      namespaces: namespacesOf(spec, joinPid),
      ...(spec.maskPaths && { maskedPaths: hiddenPaths, readonlyPaths: readablePaths }),
      ...(seccompProfile && { seccomp: seccompProfile }),
      ...(cgroupsPath !== undefined && { cgroupsPath, resources: resourcesOf(spec.limits ?? {}, privileged) }),
    },
  };
}
