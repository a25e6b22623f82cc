/** The IPAddress of each cluster IP. It is stored with (before) the Service that takes the address and goes after the one that gave it up. */
import type { IPAddress, Service } from "../../api/object.ts";
import { ipAddresses, services } from "../../api/resource.ts";
import { ApiFault } from "../../api/status.ts";
import { KeyExistsError } from "../../store/store.ts";
import { encodeObject, objectOf, type StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { deleteObject } from "../delete-object.ts";
import { trackFields } from "../field-management.ts";
import { objectStoreKey } from "../keys.ts";
import { prepareNewMetadata } from "../object-metadata.ts";

const managedByLabel = "ipaddress.kubernetes.io/managed-by";
const familyLabel = "ipaddress.kubernetes.io/ip-family";
const managedBy = "ipallocator.k8s.io";
const manager = "kube-apiserver";

type Owner = Pick<Service, "metadata">;

/** False for addresses that somebody else keeps, such as a gateway's. */
export const isOurs = ({ metadata }: IPAddress): boolean => metadata.labels?.[managedByLabel] === managedBy;

const labelsOf = (address: string): Record<string, string> => ({
  [familyLabel]: address.includes(":") ? "IPv6" : "IPv4",
  [managedByLabel]: managedBy,
});

export const hasOurLabels = ({ metadata }: IPAddress): boolean =>
  Object.entries(labelsOf(metadata.name)).every(([key, value]) => metadata.labels?.[key] === value);

export function refersToService({ spec }: IPAddress): boolean {
  return !spec.parentRef?.group && spec.parentRef?.resource === services.plural;
}

export function refersTo(address: IPAddress, { metadata }: Owner): boolean {
  const { namespace = "", name = "" } = address.spec.parentRef ?? {};
  return refersToService(address) && namespace === metadata.namespace && name === metadata.name;
}

function addressObject(address: string, { metadata }: Owner): StoredObject {
  const { namespace = "", name } = metadata;
  const parentRef = { resource: services.plural, namespace, name };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: { name: address, labels: labelsOf(address) },
    spec: { parentRef },
  } as StoredObject;
}

export class AddressRecords {
  readonly #server: () => ServerContext;

  /** `server` is asked for at each call: it is made with these records. */
  constructor(server: () => ServerContext) {
    this.#server = server;
  }

  /**
   * Handed to the store before this returns: it becomes durable with what the caller writes next. One that is there already is
   * left to the repair. Never rejects.
   */
  async add(address: string, owner: Owner): Promise<void> {
    const { store, clock, log, kindOf } = this.#server();
    const kind = kindOf(ipAddresses.group, ipAddresses.version, ipAddresses.plural);
    if (!kind) return;
    const object = addressObject(address, owner);
    prepareNewMetadata(object, clock.now());
    kind.prepareForCreate?.(object);
    trackFields(object, undefined, { kind, manager, subresource: undefined, nowMs: clock.now() });
    try {
      await store.create(objectStoreKey(ipAddresses, undefined, address), encodeObject(object));
    } catch (error) {
      if (!(error instanceof KeyExistsError)) log.error("an IPAddress could not be stored", { address, error });
    }
  }

  /** Only if it is `owner`'s; never rejects. */
  async remove(address: string, owner: Owner): Promise<void> {
    const { store } = this.#server();
    const entry = await store.get(objectStoreKey(ipAddresses, undefined, address));
    if (entry && refersTo(objectOf(entry.value) as unknown as IPAddress, owner)) await this.delete(address);
  }

  async delete(address: string): Promise<void> {
    const server = this.#server();
    const kind = server.kindOf(ipAddresses.group, ipAddresses.version, ipAddresses.plural);
    if (!kind) return;
    try {
      await deleteObject(server, { kind, namespace: undefined, name: address, options: {}, dryRun: false });
    } catch (error) {
      if (error instanceof ApiFault && error.status.code === 404) return;
      server.log.error("an IPAddress could not be deleted", { address, error });
    }
  }
}
