/**
 * Annotation service.kubernetes.io/topology-mode: Auto: each zone gets a share of the endpoints like its share of the
 * nodes' processors, its own first (pure). Source: "Topology Aware Routing"; observed behaviour of kube-controller-manager.
 */
import type { Endpoint } from "kubernetes-types/discovery/v1";
import type { Node, Service } from "../../api/object.ts";
import { milliValueOf } from "../../api/quantity.ts";
import { addressTypesOf, type Group } from "./compute.ts";

/** A zone may get so much less than its share before hints do more harm than good. */
const overload = 0.2;
const zoneLabel = "topology.kubernetes.io/zone";
const excludedLabels = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

export const wantsZoneHints = ({ metadata }: Service): boolean => {
  const { annotations = {} } = metadata;
  const mode =
    annotations["service.kubernetes.io/topology-aware-hints"] ?? annotations["service.kubernetes.io/topology-mode"];
  return mode === "Auto" || mode === "auto";
};

const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

/** Processors by zone; undefined when a node does not say where it is or how many it has. */
function cpuByZone(nodes: Iterable<Node>): Map<string, number> | undefined {
  const sums = new Map<string, number>();
  for (const node of nodes) {
    const { labels = {} } = node.metadata;
    if (!isReady(node) || excludedLabels.some((label) => label in labels)) continue;
    const zone = labels[zoneLabel];
    const cpu = milliValueOf(node.status?.allocatable?.cpu) ?? 0;
    if (!zone || !cpu) return undefined;
    sums.set(zone, (sums.get(zone) ?? 0) + cpu);
  }
  return sums;
}

const most = (zones: ReadonlyMap<string, number>): [zone: string, count: number] =>
  [...zones].reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0]);

/** Who gives how many endpoints away, and who gets them. */
function transfers(desired: ReadonlyMap<string, number>, have: ReadonlyMap<string, number>) {
  const gives = new Map<string, number>();
  const gets = new Map<string, number>();
  const over = new Map<string, number>();
  const under = new Map<string, number>();
  for (const zone of new Set([...desired.keys(), ...have.keys()])) {
    const difference = (have.get(zone) ?? 0) - (desired.get(zone) ?? 0);
    if (difference > 0) over.set(zone, difference);
    if (difference < 0) under.set(zone, -difference);
  }
  const add = (map: Map<string, number>, key: string, count: number) => map.set(key, (map.get(key) ?? 0) + count);
  for (;;) {
    const [giver, surplus] = most(over);
    const [taker, need] = most(under);
    if (!giver || !taker || surplus < 0.5 || need < 0.5 || (surplus < 1 && need < 1)) return { gives, gets };
    add(gives, giver, 1);
    add(gets, taker, 1);
    add(over, giver, -1);
    add(under, taker, -1);
  }
}

type ZoneHints =
  | { readonly ok: true; readonly zoneOf: ReadonlyMap<Endpoint, string> }
  | { readonly ok: false; readonly reason: string };

const refuse = (reason: string): ZoneHints => ({ ok: false, reason });

/** The zone that each ready endpoint is for, or why no zone gets its own. */
export function zoneHints(endpoints: readonly Endpoint[], nodes: Iterable<Node>): ZoneHints {
  const cpus = cpuByZone(nodes);
  if (!cpus) return refuse("Insufficient Node information: allocatable CPU or zone not specified on one or more nodes");
  if (cpus.size < 2) return refuse("Nodes only ready in one zone");
  const counts = `(${endpoints.length} endpoints, ${cpus.size} zones)`;
  if (cpus.size > endpoints.length) return refuse(`Insufficient number of endpoints ${counts}`);
  const total = [...cpus.values()].reduce((sum, cpu) => sum + cpu, 0);
  const shares = [...cpus].map(([zone, cpu]) => [zone, (cpu / total) * endpoints.length] as const);
  const minimum = (share: number) => Math.ceil(share / (1 + overload));
  if (shares.reduce((sum, [, share]) => sum + minimum(share), 0) > endpoints.length)
    return refuse(
      `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${counts}`,
    );
  const have = new Map<string, number>();
  for (const { zone } of endpoints) {
    if (!zone) return refuse("One or more endpoints do not have a zone specified");
    have.set(zone, (have.get(zone) ?? 0) + 1);
  }
  const desired = new Map(shares.map(([zone, share]) => [zone, Math.max(share, minimum(share))]));
  const { gives, gets } = transfers(desired, have);
  // The same endpoints are given away each time, whatever the order in which they come.
  const sorted = endpoints.toSorted((a, b) => ((a.addresses[0] ?? "") < (b.addresses[0] ?? "") ? -1 : 1));
  const zoneOf = new Map<Endpoint, string>();
  for (const endpoint of sorted) {
    const own = endpoint.zone ?? "";
    const given = (gives.get(own) ?? 0) > 0 ? [...gets].find(([, count]) => count > 0)?.[0] : undefined;
    zoneOf.set(endpoint, given ?? own);
    if (given === undefined) continue;
    gives.set(own, (gives.get(own) ?? 0) - 1);
    gets.set(given, (gets.get(given) ?? 0) - 1);
  }
  return { ok: true, zoneOf };
}

/** One text for equal contributions of a node to `zoneHints`. */
export const weightOf = (node: Node): string =>
  [node.metadata.labels?.[zoneLabel], node.status?.allocatable?.cpu, isReady(node)].join(" ");

/** Sets `hints` of the Service's ready endpoints, for each address type; returns why not, if so. */
export function setZoneHints(
  service: Service,
  groups: ReadonlyMap<string, Group>,
  nodes: Iterable<Node>,
): string | undefined {
  const all = [...nodes];
  let refusal: string | undefined;
  for (const type of addressTypesOf(service)) {
    const endpoints = [...groups.values()]
      .filter(({ addressType }) => addressType === type)
      .flatMap((group) => group.endpoints)
      .filter(({ conditions }) => conditions?.ready);
    const hints = zoneHints(endpoints, all);
    for (const endpoint of endpoints) {
      delete endpoint.hints;
      const zone = hints.ok ? hints.zoneOf.get(endpoint) : undefined;
      if (zone) endpoint.hints = { forZones: [{ name: zone }] };
    }
    if (!hints.ok) refusal ??= hints.reason;
  }
  return refusal;
}
