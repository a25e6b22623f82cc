/** One address family's rules: keeps them as the Service ports want them. Each family fails and recovers alone. */
import { isDeepStrictEqual } from "node:util";
import { type Iptables, type TableName, tableNames } from "../../../kernel/iptables/port.ts";
import { countPackets } from "../../../kernel/iptables/saved.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { ServicePort } from "../../state.ts";
import type { FamilyReport, Settings } from "../port.ts";
import { baseContributions } from "./base.ts";
import type { Context } from "./contribution.ts";
import { type ChainKey, Model, refOf } from "./model.ts";
import { observeTable, removalText } from "./observe.ts";
import { countRules, type Observed, plan, take, writtenRules } from "./plan.ts";
import { renderPort } from "./render.ts";
import { restoreTexts } from "./text.ts";

/** Rules in one transaction; measured with iptables-nft 1.8.9 (README). The legacy tables are always written as a whole. */
const maxRules = { nft: 4000, legacy: Number.POSITIVE_INFINITY } as const;
/** A look at all rules may take one part in this many of the time: without a sign that somebody wrote (legacy) fewer. */
const lookShare = { nft: 20, legacy: 50 } as const;
const refusedRetryMs = 30_000;

type Counts = { readonly added: number; readonly removed: number };
type Services = ReadonlyMap<string, readonly ServicePort[]>;

export class FamilyPlane {
  readonly family: IpFamily;
  readonly #tool: Iptables;
  readonly #model = new Model();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  #settings: Settings | undefined;
  #observed: Observed = { chains: new Map(), jumps: new Set() };
  /** How the kernel printed a chain when it was last seen to be right, by its stamp. */
  readonly #seen = new Map<ChainKey, { readonly stamp: string; readonly rules: string }>();
  /** The rules are not as we believe: a write failed, or somebody else was here. */
  #isDoubtful = true;
  /** Chains that were found and are not compared with the model yet. */
  readonly #unknown = new Set<ChainKey>();
  #generation: number | undefined;
  #nextLookAt = 0;
  /** Services that changed since a write held. */
  readonly #suspects = new Set<string>();
  readonly #refused = new Set<string>();
  #kernelMs = 0;
  #written: Readonly<Record<TableName, number>> = { mangle: 0, nat: 0, filter: 0 };

  constructor(tool: Iptables) {
    this.family = tool.family;
    this.#tool = tool;
  }

  /** Reads what a former process left; returns how many chains it has. */
  async adopt(): Promise<number> {
    await this.#look();
    this.#isDoubtful = false;
    for (const key of this.#observed.chains.keys()) this.#unknown.add(key);
    return this.#observed.chains.size;
  }

  /** `full`: services that are not named are gone. */
  async sync(services: Services, { full, settings }: { full: boolean; settings?: Settings }): Promise<FamilyReport> {
    const start = performance.now();
    if (full) for (const service of this.#ports.keys()) if (!services.has(service)) this.#setPorts(service, []);
    for (const [service, ports] of services) this.#setPorts(service, ports);
    const isChanged = settings !== undefined && !isDeepStrictEqual(settings, this.#settings);
    if (isChanged) {
      this.#settings = settings;
      this.#model.set("", baseContributions(this.#context));
    }
    for (const service of isChanged ? [...this.#ports.keys()] : services.keys()) this.#want(service);
    return this.#write(start);
  }

  /** Undefined when nobody but us has changed the rules since, or when what they changed is not ours. */
  async verify(): Promise<FamilyReport | undefined> {
    if (!this.#settings) return undefined;
    const start = performance.now();
    if (!this.#isDoubtful && this.#refused.size === 0 && !this.#mayHaveChanged()) return undefined;
    if (start < this.#nextLookAt) return undefined;
    this.#isDoubtful = true;
    const refusedBefore = this.#refused.size;
    for (const service of this.#refused) this.#want(service);
    const report = await this.#write(start);
    this.#nextLookAt = start + lookShare[this.#tool.variant] * report.durationMs;
    if (this.#refused.size > 0) this.#nextLookAt = Math.max(this.#nextLookAt, start + refusedRetryMs);
    const isRight = report.added + report.removed === 0 && this.#refused.size === refusedBefore;
    return isRight && !report.error ? undefined : report;
  }

  /** Rules of each table, and how many of them the last sync wrote. */
  countRules(): { table: string; total: number; written: number }[] {
    return tableNames.map((table) => {
      const own = [...this.#observed.chains].filter(([key]) => refOf(key).table === table);
      return { table, total: own.reduce((sum, [, { rules }]) => sum + rules.length, 0), written: this.#written[table] };
    });
  }

  async countPackets(): Promise<{ invalidDropped: number; localhostNodePorts: number }> {
    const [filter, nat] = await Promise.all([this.#tool.saveCounted("filter"), this.#tool.saveCounted("nat")]);
    return {
      invalidDropped: countPackets(filter, /^-A FAIRLEAD-FORWARD .*--ctstate INVALID .*-j DROP/),
      localhostNodePorts: countPackets(nat, /^-A FAIRLEAD-MASQUERADE -s 127\.0\.0\.0\/8 /),
    };
  }

  async remove(): Promise<void> {
    for (const table of [...tableNames].reverse()) {
      const text = removalText(table, await this.#tool.save(table));
      if (text !== "") await this.#tool.restore(text);
    }
    await this.#look();
  }

  get #context(): Context {
    if (!this.#settings) throw new Error("The first sync has no settings");
    return { family: this.family, settings: this.#settings };
  }

  #setPorts(service: string, ports: readonly ServicePort[]): void {
    if (ports.length > 0) this.#ports.set(service, ports);
    else {
      this.#ports.delete(service);
      this.#model.set(service, []);
    }
    this.#refused.delete(service);
  }

  #want(service: string): void {
    const ports = this.#ports.get(service) ?? [];
    this.#model.set(
      service,
      ports.flatMap((port) => renderPort(port, this.#context)),
    );
    this.#suspects.add(service);
  }

  #mayHaveChanged(): boolean {
    const generation = this.#tool.generation();
    return generation === undefined || generation !== this.#generation;
  }

  async #write(start: number): Promise<FamilyReport> {
    this.#kernelMs = 0;
    let counts: Counts = { added: 0, removed: 0 };
    let error: Error | undefined;
    try {
      counts = await this.#commitOrRepair();
    } catch (failure) {
      error = failure instanceof Error ? failure : new Error(String(failure));
      this.#isDoubtful = true;
    }
    const durationMs = performance.now() - start;
    const report = {
      family: this.family,
      ...counts,
      kernelMs: this.#kernelMs,
      durationMs,
      refused: [...this.#refused],
    };
    return error ? { ...report, error } : report;
  }

  /** Our picture may be wrong: look, and try once more. Then leave out who is refused, and keep the rest. */
  async #commitOrRepair(): Promise<Counts> {
    try {
      return await this.#commit();
    } catch {
      this.#isDoubtful = true;
    }
    try {
      return await this.#commit();
    } catch {
      return this.#commitWithout([...this.#suspects]);
    }
  }

  /** First the rules without the suspects, then as many of them as iptables takes. When even that fails, nobody is to blame. */
  async #commitWithout(suspects: readonly string[]): Promise<Counts> {
    for (const service of suspects) this.#model.set(service, []);
    this.#isDoubtful = true;
    try {
      const counts = await this.#commit();
      await this.#admit(suspects);
      return counts;
    } catch (error) {
      for (const service of suspects) this.#want(service);
      throw error;
    }
  }

  /** Writes as many of the services as iptables takes, halving a group that it refuses. */
  async #admit(services: readonly string[]): Promise<void> {
    if (services.length === 0) return;
    for (const service of services) this.#want(service);
    try {
      await this.#commit();
      for (const service of services) this.#refused.delete(service);
    } catch {
      this.#isDoubtful = true;
      for (const service of services) this.#model.set(service, []);
      const half = services.length >> 1;
      if (half === 0) for (const service of services) this.#refused.add(service);
      else {
        await this.#admit(services.slice(0, half));
        await this.#admit(services.slice(half));
      }
    }
  }

  async #commit(): Promise<Counts> {
    if (this.#isDoubtful) await this.#look();
    const keys = this.#isDoubtful
      ? new Set([...this.#observed.chains.keys(), ...this.#model.keys()])
      : new Set([...this.#unknown, ...this.#model.dirty]);
    const steps = plan(this.#observed, this.#model, keys);
    const counts = countRules(steps, this.#observed);
    this.#written = writtenRules(steps);
    for (const text of restoreTexts(steps, maxRules[this.#tool.variant])) await this.#restore(text);
    if (steps.length > 0 || this.#isDoubtful) this.#generation = this.#tool.generation();
    for (const { key } of steps.flatMap(({ writes }) => writes)) this.#seen.delete(key);
    take(this.#observed, steps);
    this.#model.clean();
    this.#suspects.clear();
    this.#unknown.clear();
    this.#isDoubtful = false;
    return counts;
  }

  async #restore(text: string): Promise<void> {
    const start = performance.now();
    await this.#tool.restore(text);
    this.#kernelMs += performance.now() - start;
  }

  async #look(): Promise<void> {
    this.#generation = this.#tool.generation();
    const observed: Observed = { chains: new Map(), jumps: new Set() };
    for (const table of tableNames) observeTable(observed, table, await this.#tool.save(table));
    for (const [key, held] of observed.chains) {
      const rules = held.rules.join("\n");
      const seen = this.#seen.get(key);
      // The stamp is on the first rule; a rule behind it may have been replaced.
      if (seen?.stamp === held.stamp && seen.rules !== rules) observed.chains.set(key, { ...held, stamp: "" });
      else this.#seen.set(key, { stamp: held.stamp, rules });
    }
    this.#observed = observed;
  }
}
