/**
 * UDP flows that the kernel still sends to an endpoint that serves no more, or to no endpoint because there was none when
 * they began: without this a client that never stops sending stays in the dark for ever. TCP connections are left alone.
 */
import { networkInterfaces } from "node:os";
import type { Conntrack, FlowFilter } from "../kernel/conntrack/conntrack.ts";
import { canonicalIp, type IpFamily } from "../net/ip.ts";
import { endpointText, type ServicePort } from "./state.ts";

const udp = 17;

/** Flows to one destination are right only when one of `serving` answers. */
export interface FlowCheck {
  readonly family: IpFamily;
  /** Absent: any address of this node (a node port). */
  readonly address?: string;
  readonly port: number;
  readonly serving: ReadonlySet<string>;
}

/** The destinations that a change of a Service's ports touches; those that it gave up too. Pure. */
export function flowChecks(before: readonly ServicePort[], after: readonly ServicePort[]): FlowCheck[] {
  const checks = new Map<string, FlowCheck>();
  const add = (port: ServicePort, serving: readonly string[]) => {
    const { family, nodePort } = port;
    for (const { address } of port.vips) {
      checks.set(`${address} ${port.port}`, { family, address, port: port.port, serving: new Set(serving) });
    }
    if (nodePort) checks.set(`${family} ${nodePort}`, { family, port: nodePort, serving: new Set(serving) });
  };
  for (const port of before) if (port.protocol === "UDP") add(port, []);
  for (const port of after) if (port.protocol === "UDP") add(port, port.serving);
  return [...checks.values()];
}

/** Up to this many destinations are asked for one by one; the kernel looks through its whole table for each. */
const fewChecks = 16;

/** Deletes the stale ones and returns how many they were, by family. */
export function deleteStaleFlows(conntrack: Conntrack, checks: readonly FlowCheck[]): Record<string, number> {
  const own = checks.some(({ address }) => address === undefined) ? nodeAddresses() : new Set<string>();
  const byDestination = new Map(checks.map((check) => [destinationKey(check), check]));
  const deleted: Record<string, number> = {};
  for (const filter of filtersFor(checks)) {
    deleted[filter.family] ??= 0;
    for (const flow of conntrack.flows(filter)) {
      const { family } = filter;
      const { destination: address, port } = flow;
      const check =
        byDestination.get(destinationKey({ family, address, port })) ??
        (own.has(address) ? byDestination.get(destinationKey({ family, port })) : undefined);
      if (check && !check.serving.has(endpointText(flow.answerer)) && conntrack.delete(flow))
        deleted[family] = (deleted[family] ?? 0) + 1;
    }
  }
  return deleted;
}

function filtersFor(checks: readonly FlowCheck[]): FlowFilter[] {
  if (checks.length > fewChecks) {
    return [...new Set(checks.map(({ family }) => family))].map((family) => ({ family, protocol: udp }));
  }
  return checks.map(({ family, address, port }) => ({
    family,
    protocol: udp,
    port,
    ...(address === undefined ? {} : { address }),
  }));
}

function destinationKey({ family, address = "", port }: Pick<FlowCheck, "family" | "address" | "port">): string {
  return `${family} ${address} ${port}`;
}

/** Other hosts may use the node port's number for something else (a tunnel's port, say): only flows to this node count. */
function nodeAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return new Set(all.map(({ address }) => canonicalIp(address) ?? address));
}
