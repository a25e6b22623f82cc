/** Writes the node's host ports into the kernel. */
import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { type Conntrack, openConntrack } from "../../kernel/conntrack/conntrack.ts";
import { openNftables } from "../../kernel/nftables/linux.ts";
import { hostPortCommands, hostPortTables } from "../network/host-port-rules.ts";
import type { HostPort } from "../network/host-ports.ts";

const udp = 17;

/** A client that goes on sending keeps its flow alive: to where the port led before. */
function forgetOldFlows(conntrack: Conntrack, { hostIp, hostPort, podIp, containerPort }: HostPort): void {
  const filter = { family: isIPv6(podIp) ? "IPv6" : "IPv4", protocol: udp, port: hostPort } as const;
  for (const flow of conntrack.flows(hostIp === "" ? filter : { ...filter, address: hostIp })) {
    const { ip, port } = flow.answerer;
    if (ip !== podIp || port !== containerPort) conntrack.delete(flow);
  }
}

/** Makes the host ports of the network namespace that the thread is in these and no others. */
export function setHostPorts(ports: readonly HostPort[]): void {
  const nft = openNftables();
  try {
    const hasIpv6 = existsSync("/proc/net/if_inet6");
    for (const table of hostPortTables) {
      if (table.family === "ip6" && !hasIpv6) continue;
      const present = nft.chains(table) !== undefined;
      const commands = hostPortCommands(table, ports);
      if (present || commands.some(({ op }) => op === "add-chain")) nft.commit(commands);
    }
  } finally {
    nft.close();
  }
  const datagrams = ports.filter(({ protocol }) => protocol === "UDP");
  if (datagrams.length === 0) return;
  const conntrack = openConntrack();
  try {
    for (const port of datagrams) forgetOldFlows(conntrack, port);
  } finally {
    conntrack.close();
  }
}
