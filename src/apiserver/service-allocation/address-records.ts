/**
 * Keeps an IPAddress for each cluster IP, and the ServiceCIDR of the cluster's own ranges: what clients see of the allocation.
 * The Services themselves say what is taken; the records follow them, and are put right at each start.
 * Source: Kubernetes "Service ClusterIP allocation", KEP-1880.
 */
import type { Kind } from "../../api/kind.ts";
import type { IPAddress, Service } from "../../api/object.ts";
import { ipAddresses, serviceCidrs, services } from "../../api/resource.ts";
import { ApiFault } from "../../api/status.ts";
import { formatIp, parseIp } from "../../net/ip.ts";
import type { WatchEvent } from "../../store/store.ts";
import { objectOf, type StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject } from "../create-object.ts";
import { deleteObject } from "../delete-object.ts";
import { collectionPrefix, objectStoreKey } from "../keys.ts";
import { formatTime } from "../object-metadata.ts";
import { updateObject } from "../update-object.ts";
import { addressesOf } from "./cluster-ip-allocation.ts";

const managedBy = "ipallocator.k8s.io";
const writer = { dryRun: false, fieldManager: "kube-apiserver" };
const defaultRange = "kubernetes";

interface AddressRecord {
  /** The address in its only written form. */
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
}

function recordsOf(value: Buffer): AddressRecord[] {
  const service = objectOf(value) as unknown as Service;
  const { name, namespace = "" } = service.metadata;
  return addressesOf(service).flatMap((address) => {
    const ip = parseIp(address);
    return ip ? [{ name: formatIp(ip), namespace, service: name }] : [];
  });
}

function addressObject({ name, namespace, service }: AddressRecord): StoredObject {
  const labels = {
    "ipaddress.kubernetes.io/ip-family": name.includes(":") ? "IPv6" : "IPv4",
    "ipaddress.kubernetes.io/managed-by": managedBy,
  };
  const parentRef = { group: "", resource: services.plural, namespace, name: service };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: { name, labels },
    spec: { parentRef },
  } as StoredObject;
}

const isOf = (value: Buffer, { namespace, service }: AddressRecord): boolean => {
  const { parentRef } = (objectOf(value) as unknown as IPAddress).spec;
  return parentRef?.resource === services.plural && parentRef.namespace === namespace && parentRef.name === service;
};

/** `codes`: what others may have done before us. */
async function ignoring(codes: readonly number[], work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiFault && codes.includes(error.status.code))) throw error;
  }
}

async function writeRange(server: ServerContext, kind: Kind): Promise<void> {
  const metadata = { name: defaultRange };
  const cidrs = server.config.serviceCidr.split(",");
  const object = { apiVersion: "networking.k8s.io/v1", kind: kind.kind, metadata, spec: { cidrs } } as StoredObject;
  await ignoring([409], createObject(server, { kind, object, writer }));
  const ready = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "Kubernetes Service CIDR is ready",
    lastTransitionTime: formatTime(server.clock.now()),
  };
  await updateObject(server, {
    kind,
    namespace: undefined,
    name: defaultRange,
    part: "status",
    writer,
    change(live) {
      const { conditions = [] } = (live.status ?? {}) as { conditions?: { type: string }[] };
      const has = conditions.some(({ type }) => type === ready.type);
      return { object: has ? live : { ...live, status: { conditions: [...conditions, ready] } } };
    },
  });
}

interface Records {
  add(record: AddressRecord): Promise<void>;
  remove(record: AddressRecord): Promise<void>;
}

function createRecords(server: ServerContext, kind: Kind): Records {
  return {
    add: (record) => ignoring([409], createObject(server, { kind, object: addressObject(record), writer })),
    async remove(record) {
      const entry = await server.store.get(objectStoreKey(kind, undefined, record.name));
      if (!entry || !isOf(entry.value, record)) return;
      await ignoring(
        [404],
        deleteObject(server, { kind, namespace: undefined, name: record.name, options: {}, dryRun: false }),
      );
    },
  };
}

/** The record that an IPAddress of our own is; undefined: it is another's. */
function recordIn(value: Buffer): AddressRecord | undefined {
  const { metadata, spec } = objectOf(value) as unknown as IPAddress;
  if (metadata.labels?.["ipaddress.kubernetes.io/managed-by"] !== managedBy) return undefined;
  return { name: metadata.name, namespace: spec.parentRef?.namespace ?? "", service: spec.parentRef?.name ?? "" };
}

/** Puts right what a crash between a Service and its records, or someone's hand, has left. */
async function repair(
  { store }: ServerContext,
  kind: Kind,
  { add, remove }: Records,
  wanted: readonly AddressRecord[],
): Promise<void> {
  const keyOf = ({ name, namespace, service }: AddressRecord): string => `${name} ${namespace}/${service}`;
  const keys = new Set(wanted.map(keyOf));
  const { entries } = await store.list(collectionPrefix(kind));
  const present = entries.flatMap(({ value }) => recordIn(value) ?? []);
  await Promise.all(present.filter((record) => !keys.has(keyOf(record))).map(remove));
  const kept = new Set(present.map(keyOf));
  await Promise.all(wanted.filter((record) => !kept.has(keyOf(record))).map(add));
}

async function follow({ add, remove }: Records, { type, entry, previous }: WatchEvent): Promise<void> {
  const before = previous ? recordsOf(previous.value) : [];
  const after = type === "put" ? recordsOf(entry.value) : [];
  const namesOf = (records: readonly AddressRecord[]): Set<string> => new Set(records.map(({ name }) => name));
  const [had, has] = [namesOf(before), namesOf(after)];
  for (const record of before) if (!has.has(record.name)) await remove(record);
  for (const record of after) if (!had.has(record.name)) await add(record);
}

/** Resolves when the records are those of the stored Services; they follow them from then on. */
export async function startAddressRecords(server: ServerContext): Promise<void> {
  const { store, log, closing } = server;
  const kind = server.kindOf(ipAddresses.group, ipAddresses.version, ipAddresses.plural);
  const rangeKind = server.kindOf(serviceCidrs.group, serviceCidrs.version, serviceCidrs.plural);
  if (!kind || !rangeKind) return;
  const records = createRecords(server, kind);
  const { entries, revision } = await store.list(collectionPrefix(services));
  const wanted = entries.flatMap(({ value }) => recordsOf(value));
  await Promise.all([writeRange(server, rangeKind), repair(server, kind, records, wanted)]);
  // One after the other: an address may pass from one Service to the next.
  let last: Promise<void> = Promise.resolve();
  const watching = store.watch(collectionPrefix(services), revision, (events) => {
    for (const event of events) {
      last = last
        .then(() => follow(records, event))
        .catch((error: unknown) => {
          if (!closing.aborted) log.error("the record of a cluster IP could not be written", { error });
        });
    }
  });
  closing.addEventListener("abort", () => watching.close());
}
