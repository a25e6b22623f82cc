/** One address family's table, as the Service ports want it. Each family fails and recovers alone. */
import type { IpFamily } from "../../../net/ip.ts";
import type { ServicePort } from "../../state.ts";
import type { FamilyReport, Settings } from "../port.ts";
import { type Adoption, adoptionOf } from "./adopt.ts";
import type { Context } from "./chains.ts";
import { hookCommands, rewriteCommands, skeletonCommands, type Unit, unhookedCommands } from "./commands.ts";
import { HeldTable } from "./held-table.ts";
import { ChainNumbers, Identities, type Identity } from "./identities.ts";
import { listsOf } from "./layout.ts";
import { compareMarks, type Marks, marksOf, promisedHandle, putFillingMarks, putMarks } from "./markers.ts";
import { Model, type RenderedPort } from "./model.ts";
import { countSteps, plan, type Steps } from "./plan.ts";
import { renderPort } from "./render.ts";
import { skeletonOf } from "./skeleton.ts";
import type { TrackedNftables } from "./tracked.ts";

const tableName = "fairlead";
const refusedRetryMs = 30_000;

type Counts = { added: number; removed: number };

interface IdentifiedPort extends RenderedPort {
  readonly identity: Identity;
}

type Rendered = [service: string, ports: readonly IdentifiedPort[]];

const none: Rendered[1] = [];

export class FamilyPlane {
  readonly family: IpFamily;
  readonly #held: HeldTable;
  readonly #model = new Model<IdentifiedPort>();
  readonly #identities = new Identities();
  readonly #chainNumbers = new ChainNumbers();
  #context: Context | undefined;
  /** Time that the updates took which are not written. */
  #updateMs = 0;
  #marks: Marks = { schema: "", rules: "" };
  /** Only until the first sync. */
  #adoption: Adoption | undefined;
  /** The table is not as we believe: a transaction failed, or somebody else was here. */
  #isDoubtful = false;
  /** A look at the whole table may take 5 % of the time, however often others write. */
  #nextLookAt = 0;
  #filling: Promise<void> | undefined;
  /** What filling has written, for the first report. */
  #filled = 0;
  /** Times that unused chains could not be taken away. */
  #cleanupFailures = 0;
  /** Services that changed since a transaction held. */
  readonly #suspects = new Map<string, Rendered[1]>();
  readonly #refused = new Map<string, Rendered[1]>();

  constructor(family: IpFamily, nft: TrackedNftables) {
    this.family = family;
    this.#held = new HeldTable({ family: family === "IPv4" ? "ip" : "ip6", name: tableName }, nft);
  }

  /** Reads the table of a former process; returns how many elements it has. */
  adopt(): number {
    const observed = this.#held.observe();
    this.#adoption = adoptionOf(observed);
    for (const [chain, number] of this.#adoption.chains) this.#chainNumbers.adopt(chain, number);
    this.#identities.reserve(this.#adoption.lastId, promisedHandle(this.#held.layout));
    return [...observed.values()].reduce((sum, held) => sum + held.size, 0);
  }

  /**
   * Fills a table that has no hooks yet with what is known while more is still to come: to bind a rule to a map the kernel walks
   * all of the map, so the rules come first. It works in the background; whatever goes wrong is the first `write`'s to put right.
   */
  load(services: ReadonlyMap<string, readonly ServicePort[]>, settings: Settings): void {
    if (!this.#context) this.#configure(settings);
    this.#update(services, false);
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
  }

  /** `full`: services that are not named are gone. What is of another family is passed over. To be followed by `loaded` and `write`. */
  update(services: ReadonlyMap<string, readonly ServicePort[]>, options: { full: boolean; settings?: Settings }): void {
    const start = performance.now();
    if (options.settings) this.#configure(options.settings);
    this.#update(services, options.full);
    this.#updateMs += performance.now() - start;
  }

  /** Resolves when the kernel has what was loaded, or has refused it: before that nothing else may be done. */
  async loaded(): Promise<void> {
    await this.#filling;
  }

  /** What is desired, to the kernel. */
  write(): FamilyReport {
    const start = performance.now() - this.#updateMs;
    this.#updateMs = 0;
    return this.#write(start);
  }

  /** Undefined when nobody but us has changed nf_tables since, or when what they changed is not ours. */
  verify(): FamilyReport | undefined {
    if (!this.#context) return undefined;
    const start = performance.now();
    if (!this.#isDoubtful && this.#refused.size === 0 && !this.#held.isSuspect()) return this.#tidy();
    if (start < this.#nextLookAt) return undefined;
    this.#isDoubtful = true;
    for (const refused of [...this.#refused]) this.#restore(refused);
    const report = this.#write(start);
    if (this.#refused.size > 0) this.#nextLookAt = start + refusedRetryMs;
    if (report.error || report.added + report.removed > 0) return report;
    this.#nextLookAt = start + 20 * report.durationMs;
    return undefined;
  }

  get cleanupFailures(): number {
    return this.#cleanupFailures;
  }

  remove(): void {
    this.#held.remove();
  }

  #configure(settings: Settings): void {
    this.#context = { family: this.family, settings };
    this.#marks = marksOf(this.#context);
  }

  /** Until there is nothing new, or a transaction fails. */
  async #fill(): Promise<void> {
    const context = this.#context;
    if (!context) return;
    const { desired } = this.#model;
    putFillingMarks(desired, this.#marks);
    while (!desired.isClean && !this.#isDoubtful) {
      const isNew = this.#held.sets.size === 0;
      const head = isNew ? [unhookedCommands(this.#held.table, context)] : [];
      if (isNew) this.#held.expectNew(skeletonOf(context).flatMap(({ name, base }) => (base ? [] : [name])));
      const steps = this.#steps();
      // What changes meanwhile is another transaction's.
      desired.clean();
      try {
        await this.#held.fill(head, steps, context);
        this.#filled += countSteps(steps).added;
      } catch {
        this.#isDoubtful = true;
      }
    }
  }

  #tidy(): undefined {
    try {
      this.#held.removeUnusedChains(this.#model.chainsInUse());
    } catch {
      this.#cleanupFailures++;
      this.#isDoubtful = true;
    }
  }

  #update(services: ReadonlyMap<string, readonly ServicePort[]>, full: boolean): void {
    const gone = full ? [...this.#model.services(), ...this.#refused.keys()] : [];
    const before = new Map<string, Rendered[1]>();
    const release = (service: string) => {
      const released = this.#model.release(service);
      const ports = released.length > 0 ? released : this.#refused.get(service);
      if (ports) before.set(service, ports);
      this.#refused.delete(service);
      this.#suspects.delete(service);
    };
    for (const service of gone) if (!services.has(service)) release(service);
    for (const service of services.keys()) release(service);
    for (const [service, ports] of services) {
      const known = before.get(service) ?? none;
      const rendered = ports.filter(({ family }) => family === this.family).map((port) => this.#render(port, known));
      if (rendered.length > 0) {
        this.#model.acquire(service, rendered);
        this.#suspects.set(service, rendered);
      }
    }
    for (const [service, ports] of before) {
      const now = this.#model.portsOf(service);
      for (const port of ports) if (!now.some(({ name }) => name === port.name)) this.#identities.forget(port.identity);
    }
    this.#adoption = undefined;
  }

  #render(port: ServicePort, known: Rendered[1]): IdentifiedPort {
    const before = known.find(({ name }) => name === port.name);
    const identity = this.#identities.of(port, before?.identity, this.#adoption?.of(port));
    return { name: port.name, identity, elements: renderPort(port, identity, this.#chainNumbers) };
  }

  #write(start: number): FamilyReport {
    let counts = { added: 0, removed: 0 };
    let error: Error | undefined;
    try {
      counts = this.#commitOrRepair();
    } catch (failure) {
      error = failure instanceof Error ? failure : new Error(String(failure));
      this.#isDoubtful = true;
    }
    const report = {
      family: this.family,
      ...counts,
      kernelMs: this.#held.takeKernelMs(),
      durationMs: performance.now() - start,
      refused: [...this.#refused.keys()],
    };
    return error ? { ...report, error } : report;
  }

  #commitOrRepair(): Counts {
    try {
      return this.#commitAll();
    } catch (first) {
      // Our picture of the table may be wrong: look, and try once more. Then leave out who is refused, and keep the rest.
      this.#isDoubtful = true;
      try {
        return this.#commitAll();
      } catch {
        return this.#commitWithout([...this.#suspects], first);
      }
    }
  }

  /** First the table without the suspects, then as many of them as the kernel takes. When it takes none, nobody is to blame. */
  #commitWithout(suspects: readonly Rendered[], reason: unknown): Counts {
    for (const [service] of suspects) this.#model.release(service);
    this.#isDoubtful = true;
    let admitted = 0;
    try {
      const counts = this.#commitAll();
      admitted = this.#admit(suspects);
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
  #admit(services: readonly Rendered[]): number {
    if (services.length === 0) return 0;
    for (const [service, ports] of services) this.#model.acquire(service, ports);
    try {
      this.#commitAll();
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
      return this.#admit(services.slice(0, half)) + this.#admit(services.slice(half));
    }
  }

  /** One transaction: the table and its rules where they are not as they must be, and the elements that differ. */
  #commitAll(): Counts {
    const context = this.#context;
    if (!context) throw new Error("The first sync has no settings");
    if (this.#isDoubtful) this.#held.observe();
    const head = this.#headUnits(context);
    const { desired } = this.#model;
    putMarks(this.#held.layout, desired, this.#marks, this.#identities.lastHandle);
    const steps = this.#steps();
    this.#held.commit(head, steps, context);
    desired.clean();
    this.#suspects.clear();
    this.#isDoubtful = false;
    const counts = countSteps(steps);
    if (this.#filled === 0) return counts;
    // Of what was filled nothing held: none of it was taken away.
    const filled = this.#filled;
    this.#filled = 0;
    return { added: counts.added + filled, removed: 0 };
  }

  #steps(): Steps {
    const { desired } = this.#model;
    const { observed } = this.#held;
    const lists = listsOf(this.family);
    return observed ? plan(observed, desired.elements, undefined, lists) : desired.steps(lists);
  }

  #headUnits(context: Context): Unit[] {
    const { table, chains, sets } = this.#held;
    switch (compareMarks(this.#held.layout, this.#marks)) {
      case "same":
        return [];
      case "unhooked":
        return [hookCommands(table, context)];
      case "rewrite":
        return [rewriteCommands(table, context, { chains, sets })];
      case "other": {
        const old = sets.size + chains.size > 0 ? [{ op: "delete-table", table } as const] : [];
        this.#held.expectNew(skeletonOf(context).map(({ name }) => name));
        return [[...old, ...skeletonCommands(table, context)]];
      }
    }
  }
}
