/** Puts right what a crash between an address and its Service, or someone's hand, has left: at the start, after changes, every three minutes. */
import type { IPAddress, Service } from "../../api/object.ts";
import { ipAddresses, services } from "../../api/resource.ts";
import { coalesce } from "../../lib/coalesce.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { collectionPrefix } from "../keys.ts";
import { recordEvent } from "../record-event.ts";
import type { AddressRecords } from "./address-records.ts";
import type { AddressSpace } from "./address-space.ts";
import { judgeNodePorts, planAddressRepair } from "./repair-plan.ts";

const intervalMs = 180_000;

/** Addresses that looked wrong in the last pass, and since when. */
class Suspects {
  #before = new Map<string, number>();
  #now = new Map<string, number>();

  see(address: string, nowMs: number): number {
    const since = this.#before.get(address) ?? nowMs;
    this.#now.set(address, since);
    return since;
  }

  forgetOthers(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

interface Books {
  readonly space: AddressSpace;
  readonly records: AddressRecords;
}

/** Resolves with when to look again, if something is not old enough to be judged. */
async function repairAddresses(
  server: ServerContext,
  { space, records }: Books,
  { isStart, suspects }: { isStart: boolean; suspects: Suspects },
): Promise<number | undefined> {
  const { store, clock } = server;
  const [stored, addresses] = await Promise.all([
    store.list(collectionPrefix(services)),
    store.list(collectionPrefix(ipAddresses)),
  ]);
  const plan = planAddressRepair({
    services: stored.entries.map(({ value }) => objectOf(value) as unknown as Service),
    addresses: addresses.entries.map(({ value }) => objectOf(value) as unknown as IPAddress),
    contains: (address) => space.contains(address),
    nowMs: clock.now(),
    wrongSinceMs: (address) => suspects.see(address, clock.now()),
    isStart,
  });
  suspects.forgetOthers();
  for (const { object, ...event } of plan.faults) recordEvent(server, object, event);
  await Promise.all(plan.delete.map((address) => records.delete(address)));
  await Promise.all(plan.create.map(({ address, owner }) => records.add(address, owner)));
  return plan.againInMs;
}

async function reportNodePorts(server: ServerContext): Promise<void> {
  const { entries } = await server.store.list(collectionPrefix(services));
  const all = entries.map(({ value }) => objectOf(value) as unknown as Service);
  for (const { object, ...event } of judgeNodePorts(all, server.config.nodePortRange))
    recordEvent(server, object, event);
}

/** Resolves after the first repair. */
export async function startRepair(server: ServerContext, books: Books): Promise<void> {
  const { clock, closing, log, store } = server;
  let cancel = (): void => {};
  const schedule = (afterMs: number): void => {
    cancel();
    if (!closing.aborted) cancel = clock.after(afterMs, () => loop.trigger());
  };
  let isStart = true;
  const suspects = new Suspects();
  const pass = async (): Promise<void> => {
    const againInMs = await repairAddresses(server, books, { isStart, suspects });
    isStart = false;
    schedule(Math.min(againInMs ?? intervalMs, intervalMs));
  };
  let portsAtMs = clock.now();
  const loop = coalesce({
    async run() {
      await pass();
      if (clock.now() - portsAtMs < intervalMs) return;
      portsAtMs = clock.now();
      await reportNodePorts(server);
    },
    ...{ clock, log, signal: closing },
  });
  await pass();
  await reportNodePorts(server);
  const { revision } = store;
  const prefix = collectionPrefix(ipAddresses).length;
  const watching = store.watch(collectionPrefix(ipAddresses), revision, (events) => {
    // What comes and goes with its Service is right; all else is somebody's hand.
    const odd = events.some(({ type, entry }) => (type === "put") !== books.space.isHeld(entry.key.slice(prefix)));
    if (odd) loop.trigger();
  });
  closing.addEventListener("abort", () => {
    watching.close();
    cancel();
  });
}
