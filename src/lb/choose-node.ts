/** Which node an address leads to (pure). */
import type { EndpointSlice, Node, Service } from "../api/object.ts";
import { type IpFamily, parseIp } from "../net/ip.ts";

export interface Target {
  readonly name: string;
  readonly address: string;
}

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers */
const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/**
 * Ready nodes that have an address of the family; with externalTrafficPolicy Local only those with a serving endpoint of
 * the Service, because the others drop its traffic. In order of their names.
 */
export function eligibleNodes(
  nodes: readonly Node[],
  { family, service, slices }: { family: IpFamily; service: Service; slices: readonly EndpointSlice[] },
): Target[] {
  const local = service.spec.externalTrafficPolicy === "Local" ? nodesWithEndpoints(slices) : undefined;
  return nodes
    .filter((node) => isReady(node) && (!local || local.has(node.metadata.name)))
    .flatMap((node) => targetOf(node, family))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `current` while it is eligible, so that connections stay; else the node with the fewest addresses (`others`). */
export function chooseNode(
  eligible: readonly Target[],
  { current, others }: { current: string | undefined; others: readonly string[] },
): Target | undefined {
  const same = eligible.find(({ name }) => name === current);
  if (same) return same;
  const load = ({ name }: Target): number => others.filter((other) => other === name).length;
  return eligible.toSorted((a, b) => load(a) - load(b))[0];
}

/** What Go's strconv.ParseBool takes for false. */
const falseTexts = new Set(["0", "f", "F", "false", "False", "FALSE"]);
const goingTaint = "ToBeDeletedByClusterAutoscaler";

/** Service-api S124: a label that is no boolean excludes too. */
function isExcluded({ metadata, spec }: Node): boolean {
  const label = metadata.labels?.[excludeLabel];
  if (metadata.deletionTimestamp || (label !== undefined && !falseTexts.has(label))) return true;
  return (spec?.taints ?? []).some(({ key }) => key === goingTaint);
}

function isReady(node: Node): boolean {
  const { status } = node;
  if (isExcluded(node)) return false;
  return (status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

function targetOf({ metadata, status }: Node, family: IpFamily): Target[] {
  const addresses = (status?.addresses ?? []).filter(
    ({ type, address }) => type === "InternalIP" && parseIp(address)?.family === family,
  );
  return addresses.slice(0, 1).map(({ address }) => ({ name: metadata.name, address }));
}

/** Ready ones, or terminating ones that still serve (KEP-1669). */
function nodesWithEndpoints(slices: readonly EndpointSlice[]): Set<string> {
  const names = slices.flatMap((slice) =>
    (slice.endpoints ?? []).flatMap(({ nodeName, conditions }) => {
      const serves = conditions?.ready !== false || conditions.serving === true;
      return nodeName && serves ? [nodeName] : [];
    }),
  );
  return new Set(names);
}
