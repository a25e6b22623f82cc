/** The fewest writes that lead from the slices that exist to those that should. */
import type { Endpoint } from "kubernetes-types/discovery/v1";
import type { EndpointSlice, Service } from "../../api/object.ts";
import { equal } from "../context.ts";
import { controllerReference, isControlledBy } from "../owner.ts";
import { headlessLabel, isHeadless, triggerTimeAnnotation } from "../service-endpoint.ts";
import { type AddressType, addressTypesOf, type Group, groupKey } from "./compute.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const managedBy = "endpointslice-controller.k8s.io";
const defaultMaxEndpoints = 100;

/** To be written in this order. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

export interface PlanInput {
  readonly service: Service;
  readonly groups: ReadonlyMap<string, Group>;
  /** Slices of this Service that we manage. */
  readonly existing: readonly EndpointSlice[];
  readonly maxEndpoints?: number;
  readonly triggerTime: string | undefined;
}

/** A slice of a group on its way: `slice` is undefined for one to be created. */
interface Draft {
  readonly slice: EndpointSlice | undefined;
  endpoints: Endpoint[];
  changed: boolean;
}

type Filled = Pick<Group, "addressType" | "ports"> & { readonly drafts: readonly Draft[] };

export function planSlices(input: PlanInput): SlicePlan {
  const { service, existing } = input;
  // Slices of a former Service of the same name are never used again: readers would mix the two.
  const own = existing.filter((slice) => isControlledBy(slice, service) && !slice.metadata.deletionTimestamp);
  const foreign = existing.filter((slice) => !isControlledBy(slice, service) && !slice.metadata.deletionTimestamp);
  const byGroup = Map.groupBy(own, (slice) => groupKey(groupOf(slice)));
  const wanted = withPlaceholders(service, input.groups);
  const unwanted = [...byGroup].flatMap(([key, slices]) => (wanted.has(key) ? [] : slices));
  const filled = [...wanted].map(([key, group]): Filled => {
    const drafts = fill(group, byGroup.get(key) ?? [], input.maxEndpoints ?? defaultMaxEndpoints);
    return { addressType: group.addressType, ports: group.ports, drafts };
  });
  return writes(input, { filled, unwanted, foreign });
}

/** Kubernetes writes null for no ports. */
function groupOf({ addressType, ports }: EndpointSlice): Pick<Group, "addressType" | "ports"> {
  return {
    addressType: addressType as AddressType,
    ports: (ports ?? []).map(({ name = "", port = 0, protocol = "TCP", appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    })),
  };
}

/** A Service without endpoints has one empty slice of each address type, without ports. */
function withPlaceholders(service: Service, groups: ReadonlyMap<string, Group>): Map<string, Group> {
  const wanted = new Map(groups);
  for (const addressType of addressTypesOf(service)) {
    if ([...groups.values()].some((group) => group.addressType === addressType)) continue;
    const placeholder: Group = { addressType, ports: [], endpoints: [] };
    wanted.set(groupKey(placeholder), placeholder);
  }
  return wanted;
}

/** Same endpoint, perhaps in another state. */
const identity = ({ addresses, hostname = "", targetRef }: Endpoint): string =>
  [[...addresses].sort().join(), hostname, targetRef?.namespace ?? "", targetRef?.name ?? ""].join("|");

/** Equal in all of an endpoint that we decide. */
function sameContent(one: Endpoint, other: Endpoint): boolean {
  const { targetRef: first, ...own } = one;
  const { targetRef: second, deprecatedTopology: _, ...theirs } = other;
  return first?.uid === second?.uid && first?.kind === second?.kind && equal(own, theirs);
}

/** Changed endpoints stay where they are; new ones go where a write is due anyway, then into one slice with room, then into new slices. */
function fill(group: Group, slices: readonly EndpointSlice[], max: number): Draft[] {
  const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const drafts = slices.map((slice) => keepWanted(slice, missing));
  const rest = [...missing.values()];
  const fullestFirst = (one: Draft, other: Draft) => other.endpoints.length - one.endpoints.length;
  for (const draft of drafts.filter(({ changed, endpoints }) => changed && endpoints.length > 0).sort(fullestFirst)) {
    draft.endpoints.push(...rest.splice(0, Math.max(0, max - draft.endpoints.length)));
  }
  while (rest.length > 0) {
    const fitting = drafts.filter(({ changed, endpoints }) => !changed && endpoints.length + rest.length <= max);
    const best = fitting.sort(fullestFirst)[0];
    // An emptied slice is not worth more than a new one, but saves a deletion.
    const draft = best ?? drafts.find(({ slice, endpoints }) => slice && endpoints.length === 0) ?? newDraft(drafts);
    draft.changed = true;
    draft.endpoints.push(...rest.splice(0, max - draft.endpoints.length));
  }
  return drafts;
}

function newDraft(drafts: Draft[]): Draft {
  const draft: Draft = { slice: undefined, endpoints: [], changed: true };
  drafts.push(draft);
  return draft;
}

/** Takes what it finds out of `missing`. */
function keepWanted(slice: EndpointSlice, missing: Map<string, Endpoint>): Draft {
  const present = slice.endpoints ?? [];
  let changed = false;
  const endpoints = present.flatMap((old) => {
    const key = identity(old);
    const endpoint = missing.get(key);
    missing.delete(key);
    if (!endpoint || !sameContent(endpoint, old)) changed = true;
    return endpoint ? [endpoint] : [];
  });
  return { slice, endpoints, changed };
}

function writes(
  { service, triggerTime }: PlanInput,
  { filled, unwanted, foreign }: { filled: readonly Filled[]; unwanted: EndpointSlice[]; foreign: EndpointSlice[] },
): SlicePlan {
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const spare = [...unwanted];
  for (const { addressType, ports, drafts } of filled) {
    let kept = 0;
    const isPlaceholder = drafts.every(({ endpoints }) => endpoints.length === 0);
    const build = ({ slice, endpoints }: Draft) =>
      buildSlice({ service, addressType, ports, endpoints, slice, triggerTime });
    for (const draft of drafts) {
      if (!draft.slice) {
        create.push(build(draft));
      } else if (draft.endpoints.length === 0 && !(isPlaceholder && kept === 0)) {
        spare.push(draft.slice);
      } else {
        kept++;
        if (draft.changed || labelsDrift(service, draft.slice)) update.push(build(draft));
      }
    }
    if (isPlaceholder && kept === 0 && drafts.length === 0)
      create.push(build({ slice: undefined, endpoints: [], changed: true }));
  }
  return reuse({ create, update, spare, foreign });
}

/** A slice that would be deleted takes the place of one that would be created: one write instead of two. */
function reuse({
  create,
  update,
  spare,
  foreign,
}: {
  create: readonly EndpointSlice[];
  update: readonly EndpointSlice[];
  spare: EndpointSlice[];
  foreign: readonly EndpointSlice[];
}): SlicePlan {
  const created: EndpointSlice[] = [];
  const reused: EndpointSlice[] = [];
  for (const slice of create) {
    const at = spare.findIndex(({ addressType }) => addressType === slice.addressType);
    const [old] = at < 0 ? [] : spare.splice(at, 1);
    if (!old) created.push(slice);
    else {
      const { labels, annotations, ownerReferences } = slice.metadata;
      const { annotations: _, ...kept } = old.metadata;
      const metadata = { ...kept, ...(annotations ? { annotations } : {}) };
      reused.push({
        ...slice,
        metadata: { ...metadata, labels: labels ?? {}, ownerReferences: ownerReferences ?? [] },
      });
    }
  }
  return { create: created, update: [...update, ...reused], delete: [...spare, ...foreign] };
}

const reservedLabels = new Set([serviceNameLabel, managedByLabel, headlessLabel]);

const userLabels = (labels: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !reservedLabels.has(key)));

function labelsDrift({ metadata }: Service, slice: EndpointSlice): boolean {
  return !equal(userLabels(metadata.labels), userLabels(slice.metadata.labels));
}

function buildSlice({
  service,
  addressType,
  ports,
  endpoints,
  slice,
  triggerTime,
}: {
  service: Service;
  addressType: AddressType;
  ports: Group["ports"];
  endpoints: Endpoint[];
  slice: EndpointSlice | undefined;
  triggerTime: string | undefined;
}): EndpointSlice {
  const { name, namespace = "", labels } = service.metadata;
  const { [triggerTimeAnnotation]: _, ...annotations } = slice?.metadata.annotations ?? {};
  if (triggerTime) annotations[triggerTimeAnnotation] = triggerTime;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      ...(slice?.metadata ?? generated(name, namespace)),
      labels: {
        ...userLabels(labels),
        [serviceNameLabel]: name,
        [managedByLabel]: managedBy,
        ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
      },
      annotations,
      ownerReferences: [controllerReference(service)],
    },
    addressType,
    ports: [...ports],
    endpoints,
  };
}

/** Room for the five characters that the server adds, in a DNS subdomain. */
const maxPrefixLength = 253 - 5;

/** Metadata of a slice that the server names after its Service. */
export function generated(serviceName: string, namespace: string): EndpointSlice["metadata"] {
  const generateName = serviceName.length < maxPrefixLength ? `${serviceName}-` : serviceName;
  // The name is made by the server at create.
  return { generateName, namespace } as EndpointSlice["metadata"];
}
