/** Where containerd makes the cgroups of a cluster's Pods (pure). Source: runc, systemd's and the file system's way to cgroups. */

interface RuntimeConfig {
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } | null }>>;
  };
}

/** Of what Status tells of containerd's configuration. */
function isSystemd(config: string | undefined): boolean {
  try {
    const { containerd = {} } = JSON.parse(config ?? "{}") as RuntimeConfig;
    return containerd.runtimes?.[containerd.defaultRuntimeName ?? "runc"]?.options?.SystemdCgroup ?? false;
  } catch {
    return false;
  }
}

/** At the top of each hierarchy; nobody but the cluster has it. */
export const cgroupName = (cluster: string): string => `fairlead-${cluster}`;

/** systemd wants a slice, and takes it away when it is empty. "-" would stand for a slice in a slice. */
export function cgroupParent(cluster: string, config: string | undefined): string {
  const name = cgroupName(cluster);
  return isSystemd(config) ? `${name.replaceAll("-", "_")}.slice` : `/${name}`;
}
