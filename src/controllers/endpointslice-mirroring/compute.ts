/** Endpoints that a user keeps for a Service without selector → slices that say the same. */
import type { EndpointAddress } from "kubernetes-types/core/v1";
import type { Endpoint } from "kubernetes-types/discovery/v1";
import type { EndpointSlice, Endpoints, Service } from "../../api/object.ts";
import { familyOf, formatIp, parseIpSloppy } from "../../net/ip.ts";
import { canonical } from "../context.ts";
import { groupKey, portsKey } from "../endpointslice/compute.ts";
import { generated, managedByLabel, serviceNameLabel } from "../endpointslice/plan.ts";
import { controllerReference } from "../owner.ts";
import { type EndpointPort, headlessLabel, isHeadless, triggerTimeAnnotation } from "../service-endpoint.ts";
import { repackSubsets } from "./repack.ts";

export const mirrorManagedBy = "endpointslicemirroring-controller.k8s.io";
/** Further addresses of a subset are not mirrored. */
const maxAddresses = 1000;

const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** False for Endpoints that are computed, that ask to be left alone, or that are a leader election's lock. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels, annotations } = endpoints.metadata;
  if (labels?.[skipLabel] === "true" || annotations?.[leaderAnnotation] !== undefined) return false;
  return service !== undefined && Object.keys(service.spec.selector ?? {}).length === 0;
}

/** The address in its usual form; what is no IP is left as it is. */
function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  const parsed = parseIpSloppy(ip);
  return {
    addresses: [parsed ? formatIp(parsed) : ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  };
}

export interface Mirror {
  readonly slices: readonly EndpointSlice[];
  /** Addresses that are no IPs, and those over the limit. */
  readonly invalid: number;
  readonly tooMany: number;
}

/** What Events say of the addresses that are left out (service-api E51). */
export function reportsOf({ invalid, tooMany }: Mirror): readonly { reason: string; message: string }[] {
  const reports: { reason: string; message: string }[] = [];
  if (invalid > 0) {
    const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`;
    reports.push({ reason: "InvalidIPAddress", message });
  }
  if (tooMany > 0) {
    const message = `A max of ${maxAddresses} addresses can be mirrored to EndpointSlices per Endpoints subset. ${tooMany + invalid} addresses were skipped`;
    reports.push({ reason: "TooManyAddressesToMirror", message });
  }
  return reports;
}

/** One slice for each list of ports and address family; names are the server's to give. */
export function computeMirror(endpoints: Endpoints, service: Service): Mirror {
  const slices = new Map<string, EndpointSlice>();
  const left = { invalid: 0, tooMany: 0 };
  for (const { ports: subsetPorts, ready, notReady } of repackSubsets(endpoints.subsets)) {
    const ports = subsetPorts.map(({ name = "", port, protocol = "TCP", appProtocol }): EndpointPort => {
      return { name, port, protocol, ...(appProtocol ? { appProtocol } : {}) };
    });
    const all = [
      ...ready.map((address) => endpointOf(address, true)),
      ...notReady.map((address) => endpointOf(address, false)),
    ];
    let added = 0;
    for (const [index, endpoint] of all.entries()) {
      if (added >= maxAddresses) {
        left.tooMany += all.length - index;
        break;
      }
      const addressType = familyOf(endpoint.addresses[0] ?? "");
      if (!addressType) {
        left.invalid++;
        continue;
      }
      added++;
      const key = groupKey({ addressType, ports });
      const slice = slices.get(key) ?? buildSlice(endpoints, { service, addressType, ports });
      slice.endpoints.push(endpoint);
      slices.set(key, slice);
    }
  }
  return { slices: [...slices.values()], ...left };
}

function buildSlice(
  endpoints: Endpoints,
  { service, addressType, ports }: { service: Service; addressType: string; ports: EndpointPort[] },
): EndpointSlice {
  const { name, namespace = "", labels } = endpoints.metadata;
  const {
    [triggerTimeAnnotation]: _,
    [lastAppliedAnnotation]: __,
    ...annotations
  } = endpoints.metadata.annotations ?? {};
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...generated(name, namespace),
      labels: {
        ...labels,
        [serviceNameLabel]: name,
        [managedByLabel]: mirrorManagedBy,
        ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
      },
      annotations,
      ownerReferences: [controllerReference(endpoints)],
    },
    addressType,
    ports,
    endpoints: [],
  };
}

export interface MirrorPlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** Kubernetes writes null for no ports. */
const keyOf = ({ addressType, ports }: EndpointSlice): string => `${addressType} ${portsKey(ports ?? [])}`;

const essence = ({
  metadata: { labels = {}, annotations = {}, ownerReferences = [] },
  endpoints,
}: EndpointSlice): string => canonical([labels, annotations, ownerReferences.map(({ uid }) => uid), endpoints]);

export function planMirror(wanted: readonly EndpointSlice[], existing: readonly EndpointSlice[]): MirrorPlan {
  const byKey = Map.groupBy(existing, keyOf);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const used = new Set<EndpointSlice>();
  for (const slice of wanted) {
    const [present] = byKey.get(keyOf(slice)) ?? [];
    if (present) used.add(present);
    if (!present) create.push(slice);
    else if (essence(present) !== essence(slice)) update.push(merged(slice, present));
  }
  return { create, update, delete: existing.filter((slice) => !used.has(slice)) };
}

function merged(slice: EndpointSlice, present: EndpointSlice): EndpointSlice {
  const { labels = {}, annotations = {}, ownerReferences = [] } = slice.metadata;
  return { ...slice, metadata: { ...present.metadata, labels, annotations, ownerReferences } };
}
