/** The ServiceCIDR "kubernetes": made of the configured ranges, made again when it is gone, never overwritten (service-api S98). */
import type { Kind } from "../../api/kind.ts";
import type { ServiceCIDR } from "../../api/object.ts";
import { serviceCidrs } from "../../api/resource.ts";
import { ApiFault } from "../../api/status.ts";
import { objectOf, type StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject } from "../create-object.ts";
import { objectStoreKey } from "../keys.ts";
import { formatTime } from "../object-metadata.ts";
import { recordEvent } from "../record-event.ts";
import { updateObject } from "../update-object.ts";
import { defaultRange } from "./service-allocator.ts";

const writer = { dryRun: false, fieldManager: "kube-apiserver" };
const checkIntervalMs = 10_000;

const same = (one: readonly string[], other: readonly string[]): boolean => one.join() === other.join();
const asRange = (object: StoredObject): ServiceCIDR => object as unknown as ServiceCIDR;

async function read({ store }: ServerContext): Promise<ServiceCIDR | undefined> {
  const entry = await store.get(objectStoreKey(serviceCidrs, undefined, defaultRange));
  return entry && asRange(objectOf(entry.value));
}

async function make(server: ServerContext, kind: Kind, cidrs: readonly string[]): Promise<void> {
  const metadata = { name: defaultRange };
  const object = { apiVersion: "networking.k8s.io/v1", kind: kind.kind, metadata, spec: { cidrs } } as StoredObject;
  try {
    await createObject(server, { kind, object, writer });
  } catch (error) {
    if (!(error instanceof ApiFault && error.status.code === 409)) throw error;
  }
}

function change(
  server: ServerContext,
  kind: Kind,
  { part, next }: { part: "object" | "status"; next: (live: ServiceCIDR) => object },
): Promise<unknown> {
  const update = (live: StoredObject) => ({ object: { ...live, ...next(asRange(live)) } as StoredObject });
  return updateObject(server, { kind, namespace: undefined, name: defaultRange, part, writer, change: update });
}

function readyCondition(server: ServerContext) {
  const message = "Kubernetes default Service CIDR is ready";
  return { type: "Ready", status: "True", reason: "", message, lastTransitionTime: formatTime(server.clock.now()) };
}

/** One look; says whether the range is another one than configured. */
async function check(server: ServerContext, kind: Kind, cidrs: readonly string[]): Promise<ServiceCIDR | undefined> {
  let range = await read(server);
  if (!range) await make(server, kind, cidrs);
  range ??= await read(server);
  if (!range || range.metadata.deletionTimestamp) return undefined;
  const stored = range.spec.cidrs ?? [];
  if (cidrs.length === 2 && stored.length === 1 && stored[0] === cidrs[0]) {
    await change(server, kind, { part: "object", next: ({ spec }) => ({ spec: { ...spec, cidrs } }) });
  } else if (!same(stored, cidrs)) return range;
  const conditions = range.status?.conditions ?? [];
  if (conditions.some(({ type }) => type === "Ready")) return undefined;
  const next = ({ status }: ServiceCIDR) => ({
    status: { ...status, conditions: [...conditions, readyCondition(server)] },
  });
  await change(server, kind, { part: "status", next });
  return undefined;
}

/** Resolves after the first look; looks again every ten seconds. */
export async function keepDefaultRange(server: ServerContext): Promise<void> {
  const { clock, closing, config, log } = server;
  const cidrs = config.serviceCidr.split(",");
  const kind = server.kindOf(serviceCidrs.group, serviceCidrs.version, serviceCidrs.plural);
  if (!kind) return;
  let reported = false;
  const look = async (): Promise<void> => {
    const other = await check(server, kind, cidrs);
    if (!other || reported) return;
    reported = true;
    const message = `The default ServiceCIDR [${(other.spec.cidrs ?? []).join(" ")}] does not match the controller flag configurations [${cidrs.join(" ")}]`;
    recordEvent(server, other, { reason: "KubernetesDefaultServiceCIDRInconsistent", message });
  };
  let cancel = (): void => {};
  const next = (): void => {
    if (closing.aborted) return;
    cancel = clock.after(checkIntervalMs, () => {
      look()
        .catch((error) => log.warn("the default ServiceCIDR could not be checked", { error }))
        .finally(next);
    });
  };
  await look();
  next();
  closing.addEventListener("abort", () => cancel());
}
