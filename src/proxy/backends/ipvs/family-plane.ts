/** One address family: its table, virtual services and VIPs, as the Service ports want them. Each family fails and recovers alone. */
import {
  type Ipvs,
  type IpvsCommand,
  type IpvsRefusal,
  type ServiceKey,
  serviceKeyText,
  type VipLink,
} from "../../../kernel/ipvs/port.ts";
import { addressBytes } from "../../../kernel/nftables/values.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { ServicePort } from "../../state.ts";
import type { Context } from "../nftables/chains.ts";
import { Model } from "../nftables/model.ts";
import { countSteps, plan } from "../nftables/plan.ts";
import type { TrackedNftables } from "../nftables/tracked.ts";
import type { FamilyReport, Settings } from "../port.ts";
import { desiredService, keysFor, nodePortAddresses, type Wanted } from "./desired-services.ts";
import { type AddressPlan, HeldAddresses } from "./held-addresses.ts";
import { HeldServices } from "./held-services.ts";
import { isTableSet } from "./layout.ts";
import { NearMarks } from "./near-marks.ts";
import type { IpvsOptions } from "./options.ts";
import { isInside, isNamedByRules } from "./ownership.ts";
import { planService } from "./plan.ts";
import { renderPort } from "./render.ts";
import { RulesTable } from "./rules-table.ts";

const refusedRetryMs = 30_000;
/** Virtual services whose servers are read at one look. */
const glanceSize = 200;

type Counts = { added: number; removed: number };

interface Committed {
  readonly counts: Counts;
  readonly refusals: readonly IpvsRefusal[];
  /** How many commands IPVS was given. */
  readonly tried: number;
}

export interface FamilyDeps {
  readonly ipvs: Ipvs;
  readonly link: VipLink;
  readonly nft: TrackedNftables;
  readonly options: IpvsOptions;
}

export class FamilyPlane {
  readonly family: IpFamily;
  readonly #addresses: HeldAddresses;
  readonly #options: IpvsOptions;
  readonly #rules: RulesTable;
  readonly #services: HeldServices;
  readonly #model = new Model();
  readonly #marks = new NearMarks();
  #context: Context | undefined;
  /** Virtual services that were just read again. */
  #looked: ReadonlyMap<string, ServiceKey> = new Map();
  /** What holds may not be as we believe. */
  #isDoubtful = true;
  /** A look at everything may take 5 % of the time. */
  #nextLookAt = 0;

  constructor(family: IpFamily, { ipvs, link, nft, options }: FamilyDeps) {
    this.family = family;
    this.#addresses = new HeldAddresses(family, link);
    this.#options = options;
    this.#rules = new RulesTable(family, nft);
    this.#services = new HeldServices(family, ipvs);
  }

  /** Reads what a former process left; returns how many virtual services. */
  adopt(): number {
    this.#observe();
    this.#marks.adopt(this.#rules.elements);
    return [...this.#services.texts()].length;
  }

  /** `full`: services that are not named are gone. */
  sync(
    services: ReadonlyMap<string, readonly ServicePort[]>,
    options: { full: boolean; settings?: Settings },
  ): FamilyReport {
    const start = performance.now();
    if (options.settings) {
      this.#context = { family: this.family, settings: options.settings };
      this.#isDoubtful = true;
    }
    this.#update(services, options.full);
    return this.#write(start);
  }

  /** Ends what has drained; looks at everything, and puts right what somebody else has changed. */
  verify(): FamilyReport | undefined {
    if (!this.#context) return undefined;
    const start = performance.now();
    this.#services.drain();
    if (start < this.#nextLookAt) return undefined;
    this.#glance();
    const report = this.#write(start);
    const waitMs = report.refused.length > 0 ? refusedRetryMs : 20 * report.durationMs;
    this.#nextLookAt = start + waitMs;
    return report.error || report.added + report.removed > 0 ? report : undefined;
  }

  remove(): void {
    this.#observe();
    this.#services.run([...this.#services.all()].map(({ key }) => ({ op: "delete-service", key })));
    this.#rules.remove();
  }

  /** What somebody else has changed is looked at by the next commit. */
  #glance(): void {
    if (this.#isDoubtful) return;
    // The kernel counts changes of rules, and addresses are few: a difference there is a reason to look at everything.
    this.#isDoubtful = this.#rules.isSuspect() || this.#addresses.observe();
    if (!this.#isDoubtful) this.#looked = this.#services.glance(glanceSize);
  }

  #update(services: ReadonlyMap<string, readonly ServicePort[]>, full: boolean): void {
    const gone = full ? [...this.#model.services()].filter((service) => !services.has(service)) : [];
    const before = new Set<string>();
    for (const service of [...gone, ...services.keys()]) {
      for (const { name } of this.#model.release(service)) before.add(name);
    }
    const context = { scheduler: this.#options.scheduler, markOf: (port: ServicePort) => this.#marks.of(port) };
    for (const [service, ports] of services) {
      if (ports.length === 0) continue;
      const rendered = ports.map((port) => ({ name: port.name, elements: renderPort(port, context) }));
      for (const { name } of rendered) before.delete(name);
      this.#model.acquire(service, rendered);
    }
    for (const port of before) this.#marks.forget(port);
    if (full) this.#marks.endAdoption();
  }

  #write(start: number): FamilyReport {
    let counts = { added: 0, removed: 0 };
    let refused: string[] = [];
    let error: Error | undefined;
    try {
      ({ counts, refused } = this.#commitOrRepair());
    } catch (failure) {
      error = failure instanceof Error ? failure : new Error(String(failure));
    }
    if (error || refused.length > 0) this.#isDoubtful = true;
    const report = {
      family: this.family,
      ...counts,
      kernelMs: this.#services.takeKernelMs(),
      durationMs: performance.now() - start,
      refused,
    };
    return error ? { ...report, error } : report;
  }

  /** What we believed may have been wrong: looks, and tries once more. What is refused then is the Services' fault, unless all is. */
  #commitOrRepair(): { counts: Counts; refused: string[] } {
    const first = this.#tryCommit();
    if (first && first.refusals.length === 0) return { counts: first.counts, refused: [] };
    this.#isDoubtful = true;
    const second = this.#commit();
    const { counts, refusals } = second;
    const refused = [...new Set(refusals.map(({ command }) => this.#ownerOf(command)))];
    if (isAllRefused(second) && (!first || isAllRefused(first)) && isNobodysFault(second, refused.length)) {
      throw new Error(`Cannot program IPVS: ${refusals[0]?.command.op} was refused (${refusals[0]?.code})`);
    }
    const [a, b] = [first?.counts, counts];
    return { counts: { added: (a?.added ?? 0) + b.added, removed: (a?.removed ?? 0) + b.removed }, refused };
  }

  #tryCommit(): Committed | undefined {
    try {
      return this.#commit();
    } catch {
      return undefined;
    }
  }

  /** Opens nothing before its rules are there, and takes servers away last: a VIP never stands without its rules. */
  #commit(): Committed {
    const context = this.#context;
    if (!context) throw new Error("The first sync has no settings");
    if (this.#isDoubtful) this.#observe();
    const isWhole = this.#isDoubtful;
    const addresses = this.#planAddresses(isWhole);
    const { first, last } = this.#planServices(context, isWhole);
    this.#addresses.unbind(addresses);
    const refusals = [...this.#services.run(first)];
    const rules = this.#commitRules(context, isWhole);
    this.#addresses.bind(addresses);
    refusals.push(...this.#services.run(last));
    this.#model.desired.clean();
    this.#looked = new Map();
    this.#isDoubtful = false;
    return {
      counts: {
        added: rules.added + first.length + addresses.missing.length,
        removed: rules.removed + last.length + addresses.gone.length,
      },
      refusals,
      tried: first.length + last.length,
    };
  }

  /** Those of our link are in the set "bound". */
  #planAddresses(isWhole: boolean): AddressPlan {
    const { desired } = this.#model;
    const { held } = desired;
    const wanted = desired.elements.get("addresses");
    const touched =
      isWhole || !held
        ? new Set([...(wanted?.keys() ?? []), ...this.#addresses.bound])
        : new Set(held.get("addresses")?.keys());
    for (const address of touched) {
      const key = addressBytes(address);
      if (this.#addresses.isWanted(address, wanted)) desired.put("bound", { key, value: "" });
      else desired.remove("bound", key);
    }
    return this.#addresses.plan(touched, wanted);
  }

  #planServices({ settings }: Context, isWhole: boolean): { first: IpvsCommand[]; last: IpvsCommand[] } {
    const wanted = this.#wanted(settings);
    const keys = keysFor(
      wanted,
      (isWhole ? undefined : this.#model.desired.held) ?? wanted.elements,
      (text) => this.#services.get(text)?.key,
    );
    for (const [text, key] of this.#looked) keys.set(text, key);
    if (isWhole) for (const { key } of this.#services.all()) keys.set(serviceKeyText(key), key);
    const first: IpvsCommand[] = [];
    const last: IpvsCommand[] = [];
    for (const [text, key] of keys) {
      const desired = desiredService(key, wanted);
      if (!desired && isInside(key, this.#options.excludeCidrs)) continue;
      const steps = planService(this.#services.get(text), desired);
      first.push(...steps.first);
      last.push(...steps.last);
    }
    return { first, last };
  }

  #commitRules(context: Context, isWhole: boolean): Counts {
    const { elements, held } = this.#model.desired;
    const desired = tablePart(elements);
    if (!this.#rules.isCurrent(context)) return { added: this.#rules.rebuild(desired, context), removed: 0 };
    const observed = tablePart(this.#rules.elements);
    const steps = plan(observed, desired, isWhole || !held ? undefined : tablePart(held));
    this.#rules.commit(steps, context);
    return countSteps(steps);
  }

  #wanted(settings: Settings): Wanted {
    const nodeAddresses = nodePortAddresses([...this.#addresses.others], this.family, settings);
    return { family: this.family, elements: this.#model.desired.elements, nodeAddresses };
  }

  #observe(): void {
    this.#rules.observe();
    this.#addresses.observe();
    const wanted = this.#context && this.#wanted(this.#context.settings);
    this.#services.observe((key) => {
      if (wanted && desiredService(key, wanted)) return true;
      if (isInside(key, this.#options.excludeCidrs)) return false;
      return isNamedByRules(key, this.#rules.elements, this.#addresses.others);
    });
  }

  #ownerOf({ key }: IpvsCommand): string {
    const wanted = this.#context && this.#wanted(this.#context.settings);
    return (wanted && desiredService(key, wanted)?.owner) ?? serviceKeyText(key);
  }
}

const isAllRefused = ({ refusals, tried }: Committed): boolean => refusals.length > 0 && refusals.length === tried;

/** We may not, or several Services are refused and no other is taken. */
function isNobodysFault({ refusals }: Committed, owners: number): boolean {
  return owners > 1 || refusals.every(({ code }) => code === "EPERM");
}

/** The sets that are the table's. */
function tablePart<T>(all: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...all].filter(([set]) => isTableSet(set) && set !== "layout"));
}
