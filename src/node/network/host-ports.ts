/** The ports of the node that lead to a Pod (pure). Source: core/v1 ContainerPort.hostPort, hostIP. */
import { isIPv6 } from "node:net";
import type { Pod } from "../../api/object.ts";

export interface HostPort {
  /** The node's address that answers; "": every one. */
  readonly hostIp: string;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly hostPort: number;
  readonly podIp: string;
  readonly containerPort: number;
}

const everyAddress = new Set(["", "0.0.0.0", "::"]);

/** Of a Pod with these addresses; of one on the node's network none, since its containers listen there themselves. */
export function hostPortsOf({ spec }: Pod, podIps: readonly string[]): HostPort[] {
  if (spec.hostNetwork) return [];
  // Ordinary init containers serve nobody.
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ hostPort, hostIP = "", protocol = "TCP", containerPort }) => {
    if (!hostPort) return [];
    const every = everyAddress.has(hostIP);
    const family = every && hostIP !== "" ? isIPv6(hostIP) : undefined;
    return podIps
      .filter((podIp) => (every ? family === undefined || isIPv6(podIp) === family : isIPv6(podIp) === isIPv6(hostIP)))
      .map(
        (podIp): HostPort => ({
          ...{ hostIp: every ? "" : hostIP, hostPort, podIp, containerPort },
          protocol: protocol as HostPort["protocol"],
        }),
      );
  });
}
