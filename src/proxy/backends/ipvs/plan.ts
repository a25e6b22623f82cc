/** What IPVS holds against what it should → commands. Pure. */
import {
  type IpvsCommand,
  type ObservedServer,
  type ServerKey,
  type ServiceKey,
  type ServiceSettings,
  serverText,
} from "../../../kernel/ipvs/port.ts";
import type { ServiceSpec } from "./render.ts";

/** A virtual service as it is in the kernel. */
export interface HeldService {
  readonly key: ServiceKey;
  settings: ServiceSettings;
  /** By `serverText`. */
  readonly servers: Map<string, ObservedServer>;
}

export interface DesiredService extends ServiceSpec {
  readonly key: ServiceKey;
}

export interface IpvsPlan {
  /** What adds and opens: before the rules and addresses. */
  readonly first: readonly IpvsCommand[];
  /** What takes away: behind them. */
  readonly last: readonly IpvsCommand[];
}

/** One virtual service; `held` undefined: it is not there, `desired` undefined: it should not be. */
export function planService(held: HeldService | undefined, desired: DesiredService | undefined): IpvsPlan {
  if (!desired) return { first: [], last: held ? [{ op: "delete-service", key: held.key }] : [] };
  const { key, settings } = desired;
  const first: IpvsCommand[] = [];
  if (!held) first.push({ op: "add-service", key, settings });
  else if (!isSame(held.settings, settings)) first.push({ op: "set-service", key, settings });
  const wanted = new Set<string>();
  for (const server of desired.servers) {
    const text = serverText(server);
    if (wanted.has(text)) continue;
    wanted.add(text);
    const there = held?.servers.get(text);
    if (!there) first.push({ op: "add-server", key, server: { ...server, weight: 1 } });
    else if (there.weight !== 1) first.push({ op: "set-server", key, server: { ...server, weight: 1 } });
  }
  const gone = [...(held?.servers ?? [])].filter(([text]) => !wanted.has(text));
  return { first, last: gone.flatMap(([, server]) => leave(server, desired)) };
}

export function isSame(a: ServiceSettings, b: ServiceSettings): boolean {
  return a.scheduler === b.scheduler && a.flags === b.flags && a.persistenceSec === b.persistenceSec;
}

/** Graceful: no new connections, and those that are there go on; `drained` deletes it when they have ended. */
function leave(server: ObservedServer, desired: DesiredService): IpvsCommand[] {
  const { key } = desired;
  const name: ServerKey = { address: server.address, port: server.port };
  if (isAbrupt(serverText(server), desired)) return [{ op: "delete-server", key, server: name }];
  return server.weight === 0 ? [] : [{ op: "set-server", key, server: { ...name, weight: 0 } }];
}

/**
 * A UDP client that never stops sending would stay with an endpoint that serves no more, while another does; dh would refuse
 * the clients whose destination's hash leads to a server that takes no more.
 */
function isAbrupt(text: string, { settings, serving, servers }: DesiredService): boolean {
  if (settings.scheduler === "dh") return true;
  return serving !== undefined && servers.length > 0 && !serving.includes(text);
}

/** Servers that take no more and have no connection left. */
export function drained({ key, servers }: HeldService): IpvsCommand[] {
  return [...servers.values()]
    .filter(({ weight, connections }) => weight === 0 && connections === 0)
    .map(({ address, port }) => ({ op: "delete-server", key, server: { address, port } }));
}

export function isDraining({ servers }: HeldService): boolean {
  return [...servers.values()].some(({ weight }) => weight === 0);
}
