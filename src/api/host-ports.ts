/** Ports of the Node that Pods take (core/v1 ContainerPort.hostPort, hostIP, protocol). */
import type { Pod } from "./object.ts";

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const everywhere = new Set(["0.0.0.0", "::"]);

function hostPorts({ spec }: Pod): HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...spec.containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ hostPort, containerPort, hostIP, protocol = "TCP" }) => {
      const port = hostPort || (spec.hostNetwork ? containerPort : 0);
      return port ? [{ ip: hostIP || "0.0.0.0", protocol, port }] : [];
    });
}

/** The same port may be taken twice for different protocols, or for different addresses if neither is "all". */
export function portsConflict(pod: Pod, others: Iterable<Pod>): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const overlap = (one: string, other: string) => one === other || everywhere.has(one) || everywhere.has(other);
  for (const other of others) {
    for (const taken of hostPorts(other)) {
      const clash = ({ ip, protocol, port }: HostPort) =>
        taken.port === port && taken.protocol === protocol && overlap(ip, taken.ip);
      if (wanted.some(clash)) return true;
    }
  }
  return false;
}
