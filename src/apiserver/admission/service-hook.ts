/** Services get their cluster IPs and node ports when they are written. */
import type { Service } from "../../api/object.ts";
import type { StoredObject } from "../codec.ts";
import type { ServiceAllocator } from "../service-allocation/service-allocator.ts";
import type { WriteHook } from "./write-hook.ts";

const asService = (object: StoredObject): Service => object as unknown as Service;

export function serviceHook(allocator: ServiceAllocator): WriteHook {
  return {
    admit: (object, old) => allocator.allocate(asService(object), old && asService(old)),
    removed: (object) => allocator.release(asService(object)),
  };
}
