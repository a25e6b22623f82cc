/** Services get their cluster IPs and node ports when they are written, and take their Endpoints along when they go. */
import type { Service } from "../../api/object.ts";
import { endpoints, services } from "../../api/resource.ts";
import { ApiFault, forbidden } from "../../api/status.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { deleteObject } from "../delete-object.ts";
import { objectStoreKey } from "../keys.ts";
import type { AddressRecords } from "../service-allocation/address-records.ts";
import type { ServiceAllocator } from "../service-allocation/service-allocator.ts";
import type { WriteHook } from "./write-hook.ts";

const asService = (object: StoredObject): Service => object as unknown as Service;

/** Service-api S78. */
async function deleteEndpoints(server: ServerContext, { metadata: { namespace, name } }: Service): Promise<void> {
  const kind = server.kindOf(endpoints.group, endpoints.version, endpoints.plural);
  if (!kind || !(await server.store.get(objectStoreKey(kind, namespace, name)))) return;
  try {
    await deleteObject(server, { kind, namespace, name, options: {}, dryRun: false });
  } catch (error) {
    if (!(error instanceof ApiFault && error.status.code === 404)) throw error;
  }
}

/** Service-api S38: a Service may not have external IPs that it had not before. */
function denyExternalIps(service: Service, old: Service | undefined): void {
  const kept = new Set(old?.spec.externalIPs);
  if ((service.spec.externalIPs ?? []).every((ip) => kept.has(ip))) return;
  throw forbidden(services, service.metadata.name, "Use of external IPs is denied by admission control");
}

interface Parts {
  readonly allocator: ServiceAllocator;
  readonly records: AddressRecords;
  /** Asked for at each call: it is made with this hook. */
  readonly server: () => ServerContext;
}

export function serviceHook({ allocator, records, server }: Parts): WriteHook {
  const forEach = async (addresses: readonly string[], act: (address: string) => Promise<void>): Promise<void> => {
    await Promise.all(addresses.map(act));
  };
  return {
    admit(object, old) {
      const service = asService(object);
      const { enabledAdmission = [] } = server().config;
      if (enabledAdmission.includes("DenyServiceExternalIPs")) denyExternalIps(service, old && asService(old));
      const allocation = allocator.allocate(service, old && asService(old));
      let recorded: { readonly name: string; readonly stored: Promise<void> } | undefined;
      return {
        faults: allocation.faults,
        begin() {
          const stored = forEach(allocation.taken, (address) => records.add(address, service));
          recorded = { name: service.metadata.name, stored };
          return stored;
        },
        async commit() {
          const freed = allocation.commit();
          // Another generated name than the one tried first: the record follows.
          if (recorded && recorded.name !== service.metadata.name) {
            await forEach(allocation.taken, async (address) => {
              await records.delete(address);
              await records.add(address, service);
            });
          }
          await forEach(freed, (address) => records.remove(address, service));
        },
        async revert() {
          allocation.revert();
          await recorded?.stored;
          if (recorded) await forEach(allocation.taken, (address) => records.remove(address, service));
        },
      };
    },
    async removed(object) {
      const service = asService(object);
      const freed = allocator.release(service);
      await Promise.all([
        forEach(freed, (address) => records.remove(address, service)),
        deleteEndpoints(server(), service),
      ]);
    },
  };
}
