/** Kernel settings of a Pod's own (pure). Source: "Using sysctls in a Kubernetes Cluster", core/v1 PodSecurityContext.sysctls. */
import type { Pod } from "../../api/object.ts";

/** Each is of one network or IPC namespace alone. */
const safe = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

/** As container runtimes set them: every user may listen on low ports and ping. */
const defaults: Readonly<Record<string, string>> = { "net.ipv4.ip_unprivileged_port_start": "0" };

const plainName = (name: string): string => name.replaceAll("/", ".");

function given({ spec }: Pod): { name: string; value: string }[] {
  return (spec.securityContext?.sysctls ?? []).map(({ name, value }) => ({ name: plainName(name), value }));
}

/** The first one that a Pod may not have; undefined when there is none. */
export function forbiddenSysctl(pod: Pod): string | undefined {
  const ofNode = ({ name }: { name: string }) =>
    (name.startsWith("net.") && pod.spec.hostNetwork) || (name.startsWith("kernel.") && pod.spec.hostIPC);
  return given(pod).find((one) => !safe.has(one.name) || ofNode(one))?.name;
}

/** By the paths below /proc/sys. */
export function sysctlsOf(pod: Pod): ReadonlyMap<string, string> {
  const settings = { ...(pod.spec.hostNetwork ? {} : defaults) };
  for (const { name, value } of given(pod)) settings[name] = value;
  return new Map(Object.entries(settings).map(([name, value]) => [name.replaceAll(".", "/"), value]));
}
