/** One address family's table: keeps it as the Service ports want it. Each family fails and recovers alone. */
import { type Command, type Table, TransactionError } from "../../../kernel/nftables/port.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { ServicePort } from "../../state.ts";
import type { FamilyReport, Settings } from "../port.ts";
import { addressBytes, portBytes, protocolBytes, readU32, u32 } from "./bytes.ts";
import { type Context, isDynamicChain, nextChain } from "./chains.ts";
import {
  groupUnits,
  rewriteCommands,
  rulesHash,
  schemaHash,
  skeletonCommands,
  stepUnits,
  type Unit,
  unusedChainCommands,
} from "./commands.ts";
import { type Elements, keysOf, putElement } from "./elements.ts";
import { type Adopted, Identities } from "./identities.ts";
import { localHandleBit } from "./layout.ts";
import { Model } from "./model.ts";
import { countSteps, plan, type Steps, take } from "./plan.ts";
import { type Element, renderPort } from "./render.ts";
import { skeletonOf } from "./skeleton.ts";
import type { TrackedNftables } from "./tracked.ts";

export const tableName = "fairlead";

/** Keys of the map "layout", by which the next process knows what it finds. */
const markers = { schema: u32(1), rules: u32(2), lastHandle: u32(3) };
/** The last handle is written down this far ahead, so that not each new endpoint changes the marker. */
const handleReserve = 4096;
const maxParts = 4096;
const refusedRetryMs = 30_000;

type Timer = { kernelMs: number };
type Counts = { added: number; removed: number };
/** A service with its elements by port. */
type Rendered = [service: string, ports: ReadonlyMap<string, readonly Element[]>];

export class FamilyPlane {
  readonly family: IpFamily;
  readonly #table: Table;
  readonly #nft: TrackedNftables;
  readonly #model = new Model();
  readonly #identities = new Identities();
  #observed: Elements = new Map();
  #chains = new Set<string>();
  #sets = new Set<string>();
  #settings: Settings | undefined;
  /** Of the settings: what the table's markers must say. */
  #hashes = { schema: "", rules: "" };
  #adoptedHandles: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map();
  #foreignChanges = 0;
  /** A look at the whole table may take 5 % of the time, however often others write. */
  #nextLookAt = 0;
  /** The table is not as we believe: a transaction failed, or somebody else was here. */
  #isDoubtful = false;
  #parts = 1;
  /** Services that changed since a transaction held. */
  readonly #suspects = new Map<string, Rendered[1]>();
  readonly #refused = new Map<string, Rendered[1]>();
  #isAdopting = true;

  constructor(family: IpFamily, nft: TrackedNftables) {
    this.family = family;
    this.#nft = nft;
    this.#table = { family: family === "IPv4" ? "ip" : "ip6", name: tableName };
  }

  /** Reads the table of a former process; returns how many elements it has. */
  adopt(): number {
    this.#observe();
    const handles = adoptedHandles(this.#observed);
    this.#adoptedHandles = handles;
    let lastId = 0;
    for (const map of ["vip-ids", "port-ids"]) {
      for (const value of this.#observed.get(map)?.values() ?? []) lastId = Math.max(lastId, readU32(value));
    }
    const marked = this.#observed.get("layout")?.get(markers.lastHandle);
    this.#identities.reserve(lastId, marked ? readU32(marked) : 0);
    return [...this.#observed.values()].reduce((sum, held) => sum + held.size, 0);
  }

  /** `full`: services that are not named are gone. */
  sync(
    services: ReadonlyMap<string, readonly ServicePort[]>,
    options: { full: boolean; settings?: Settings },
  ): FamilyReport {
    const start = performance.now();
    if (options.settings) {
      this.#settings = options.settings;
      this.#hashes = { schema: u32(schemaHash(this.#context)), rules: u32(rulesHash(this.#context)) };
    }
    this.#update(services, options.full);
    return this.#write(start);
  }

  /** Undefined when nobody but us has changed nf_tables since, or when what they changed is not ours. */
  verify(): FamilyReport | undefined {
    if (!this.#settings) return undefined;
    const start = performance.now();
    const isChanged = this.#nft.foreignChanges() !== this.#foreignChanges;
    if (!this.#isDoubtful && !isChanged && this.#refused.size === 0) {
      this.#removeUnusedChains();
      return undefined;
    }
    if (start < this.#nextLookAt) return undefined;
    this.#isDoubtful = true;
    for (const refused of [...this.#refused]) this.#restore(refused);
    const report = this.#write(start);
    if (this.#refused.size > 0) this.#nextLookAt = start + refusedRetryMs;
    if (report.error || report.added + report.removed > 0) return report;
    this.#nextLookAt = start + 20 * report.durationMs;
    return undefined;
  }

  remove(): void {
    if (this.#nft.kernel.sets(this.#table)) this.#nft.commit([{ op: "delete-table", table: this.#table }]);
    this.#observe();
  }

  get #context(): Context {
    if (!this.#settings) throw new Error("The first sync has no settings");
    return { family: this.family, settings: this.#settings };
  }

  #update(services: ReadonlyMap<string, readonly ServicePort[]>, full: boolean): void {
    const gone = full ? [...this.#model.services()].filter((service) => !services.has(service)) : [];
    const portsBefore = new Set<string>();
    for (const service of [...gone, ...services.keys()]) {
      for (const port of this.#model.portsOf(service)) portsBefore.add(port);
      this.#model.release(service);
      this.#refused.delete(service);
    }
    for (const [service, ports] of services) {
      const rendered = new Map<string, readonly Element[]>();
      for (const port of ports) {
        rendered.set(port.name, renderPort(port, this.#identities.of(port, this.#adoptedOf(port))));
        portsBefore.delete(port.name);
      }
      this.#model.acquire(service, rendered);
      this.#suspects.set(service, rendered);
    }
    for (const port of portsBefore) this.#identities.forget(port);
    this.#isAdopting = false;
    this.#adoptedHandles = new Map();
  }

  /** What a former process called the port: by the id that one of its keys has in the kernel. */
  #adoptedOf(port: ServicePort): Adopted | undefined {
    if (!this.#isAdopting) return undefined;
    const protocol = protocolBytes(port.protocol);
    const ids = this.#observed.get("vip-ids");
    for (const { address } of port.vips) {
      const id = ids?.get(addressBytes(address) + protocol + portBytes(port.port));
      if (id !== undefined) return { id: readU32(id), handles: this.#adoptedHandles.get(readU32(id)) ?? new Map() };
    }
    return undefined;
  }

  #write(start: number): FamilyReport {
    const timer = { kernelMs: 0 };
    let counts = { added: 0, removed: 0 };
    let error: Error | undefined;
    try {
      counts = this.#commitOrRepair(timer);
    } catch (failure) {
      error = failure instanceof Error ? failure : new Error(String(failure));
      this.#isDoubtful = true;
    }
    const refused = [...this.#refused.keys()];
    const report = { family: this.family, ...counts, ...timer, durationMs: performance.now() - start, refused };
    return error ? { ...report, error } : report;
  }

  #commitOrRepair(timer: Timer): Counts {
    try {
      return this.#commitAll(timer);
    } catch (first) {
      // Our picture of the table may be wrong: look, and try once more. Then leave out who is refused, and keep the rest.
      this.#isDoubtful = true;
      try {
        return this.#commitAll(timer);
      } catch {
        return this.#commitWithout([...this.#suspects], first, timer);
      }
    }
  }

  /** First the table without the suspects, then as many of them as the kernel takes. When it takes none, nobody is to blame. */
  #commitWithout(suspects: readonly Rendered[], reason: unknown, timer: Timer): Counts {
    for (const [service] of suspects) this.#model.release(service);
    this.#isDoubtful = true;
    let admitted = 0;
    try {
      const counts = this.#commitAll(timer);
      admitted = this.#admit(suspects, timer);
      if (admitted > 0) return counts;
      throw reason;
    } finally {
      if (admitted === 0) for (const suspect of suspects) this.#restore(suspect);
    }
  }

  #restore([service, ports]: Rendered): void {
    this.#model.acquire(service, ports);
    this.#suspects.set(service, ports);
    this.#refused.delete(service);
  }

  /** Writes as many of the services as the kernel takes, halving a group that it refuses; returns how many. */
  #admit(services: readonly Rendered[], timer: Timer): number {
    if (services.length === 0) return 0;
    for (const [service, ports] of services) this.#model.acquire(service, ports);
    try {
      this.#commitAll(timer);
      for (const [service] of services) this.#refused.delete(service);
      return services.length;
    } catch {
      this.#isDoubtful = true;
      for (const [service] of services) this.#model.release(service);
      const [first] = services;
      if (services.length === 1 && first) {
        this.#refused.set(...first);
        return 0;
      }
      const half = services.length >> 1;
      return this.#admit(services.slice(0, half), timer) + this.#admit(services.slice(half), timer);
    }
  }

  #commitAll(timer: Timer): Counts {
    if (this.#isDoubtful) this.#observe();
    const wholly = this.#isDoubtful || !this.#chains.has("services");
    const head = this.#headUnits();
    this.#setMarkers();
    const keys = wholly ? keysOf(this.#observed, this.#model.desired) : this.#model.dirty;
    const steps = plan(this.#observed, this.#model.desired, keys);
    if (head.length > 0 || steps.length > 0) this.#commit(head, steps, timer);
    this.#model.clean();
    this.#suspects.clear();
    this.#isDoubtful = false;
    return countSteps(steps);
  }

  /** Makes the table, or writes its rules again, when it is missing or of another version or other settings. */
  #headUnits(): Unit[] {
    const context = this.#context;
    const marked = (key: string) => this.#observed.get("layout")?.get(key);
    const isOurs = marked(markers.schema) === this.#hashes.schema;
    if (!isOurs) {
      const old: Command[] =
        this.#sets.size > 0 || this.#chains.size > 0 ? [{ op: "delete-table", table: this.#table }] : [];
      this.#observed = new Map();
      this.#chains = new Set(skeletonOf(context).map(({ name }) => name));
      this.#sets = new Set();
      return [[...old, ...skeletonCommands(this.#table, context)]];
    }
    if (marked(markers.rules) === this.#hashes.rules) return [];
    return [rewriteCommands(this.#table, context, { chains: this.#chains, sets: this.#sets })];
  }

  #setMarkers(): void {
    const { desired } = this.#model;
    putElement(desired, "layout", markers.schema, this.#hashes.schema);
    putElement(desired, "layout", markers.rules, this.#hashes.rules);
    const lastHandle = this.#identities.lastHandle;
    const layout = desired.get("layout")?.has(markers.lastHandle) ? desired : this.#observed;
    const written = layout.get("layout")?.get(markers.lastHandle);
    const isEnough = written !== undefined && readU32(written) >= lastHandle;
    putElement(desired, "layout", markers.lastHandle, isEnough ? written : u32(lastHandle + handleReserve));
    for (const key of Object.values(markers)) {
      if (this.#observed.get("layout")?.get(key) !== desired.get("layout")?.get(key)) this.#model.touch("layout", key);
    }
  }

  /** In one transaction; in several where the socket takes no message this large (an ordinary user's send buffer). */
  #commit(head: readonly Unit[], steps: Steps, timer: Timer): void {
    const units = [
      ...head,
      ...stepUnits(steps, this.#table, this.#context, { chains: this.#chains, sets: this.#sets }),
    ];
    for (;;) {
      const groups = groupUnits(units, this.#parts);
      try {
        for (const group of groups) this.#send(group, timer);
        break;
      } catch (error) {
        if (!(error instanceof TransactionError) || error.code !== "EMSGSIZE" || this.#parts >= maxParts) throw error;
        this.#parts *= 2;
      }
    }
    for (const command of units.flat()) {
      if (command.op === "add-chain") this.#chains.add(command.chain);
      if (command.op === "add-set") this.#sets.add(command.set.name);
    }
    take(this.#observed, steps);
  }

  #send(commands: readonly Command[], timer: Timer): void {
    const start = performance.now();
    this.#nft.commit(commands);
    timer.kernelMs += performance.now() - start;
  }

  #observe(): void {
    this.#foreignChanges = this.#nft.foreignChanges();
    this.#sets = new Set(this.#nft.kernel.sets(this.#table));
    this.#chains = new Set(this.#nft.kernel.chains(this.#table));
    this.#observed = new Map();
    for (const set of this.#sets) {
      if (set === "clients") continue;
      const held = new Map(this.#nft.kernel.elements(this.#table, set).map(({ key, value }) => [key, value]));
      this.#observed.set(set, held);
    }
  }

  /** When there is nothing else to do: the kernel walks verdict maps for each chain it makes, so they are kept a while. */
  #removeUnusedChains(): void {
    const needed = new Set(this.#model.chainsInUse());
    for (const chain of [...needed]) {
      const next = nextChain(chain);
      if (next) needed.add(next);
    }
    const unused = [...this.#chains].filter((chain) => isDynamicChain(chain) && !needed.has(chain));
    if (unused.length === 0) return;
    try {
      this.#nft.commit(unusedChainCommands(this.#table, unused));
      for (const chain of unused) this.#chains.delete(chain);
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
      this.#isDoubtful = true;
    }
  }
}

/** id → targetBytes → handle, from slots (id . index → handle) and sticky-endpoints (handle → target). */
function adoptedHandles(observed: Elements): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>();
  const targets = observed.get("sticky-endpoints");
  for (const [slot, value] of observed.get("slots") ?? []) {
    const id = readU32(slot);
    const handle = readU32(value);
    const target = targets?.get(value) ?? targets?.get(u32(handle | localHandleBit));
    if (target === undefined) continue;
    const handles = found.get(id) ?? new Map<string, number>();
    handles.set(target, handle);
    found.set(id, handles);
  }
  return found;
}
