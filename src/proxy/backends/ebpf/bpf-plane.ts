/** Keeps the maps as the Service ports want them, and the programs attached to the node's cgroup and devices. */
import type { Cgroup } from "../../../kernel/bpf/cgroup.ts";
import { Collection } from "../../../kernel/bpf/collection.ts";
import { servicePrograms, serviceProgramsVersion } from "../../../kernel/bpf/service-programs.ts";
import { close, hasCode, open } from "../../../kernel/ffi.ts";
import { u32 } from "../../../kernel/nftables/values.ts";
import type { ServicePort } from "../../state.ts";
import type { Elements } from "../nftables/elements.ts";
import { countSteps, plan, type Steps } from "../nftables/plan.ts";
import type { Changes, Settings } from "../port.ts";
import { type AdoptedNames, adoptedNames } from "./adopted.ts";
import { apply, observe } from "./apply.ts";
import { hasDifference } from "./difference.ts";
import { Identities } from "./identities.ts";
import { blockValue, cookie, lists, noBlock, readSettings, settingsValue } from "./layout.ts";
import { Model } from "./model.ts";
import { renderAddresses } from "./node-addresses.ts";
import type { NodeNetwork } from "./node-network.ts";
import { type Element, renderPort, rendersSame } from "./render.ts";

export interface BpfPlaneOptions {
  readonly cgroup: Cgroup;
  readonly network: NodeNetwork;
  /** Cookie of the node's network namespace. */
  readonly node: bigint;
  /** In a bpffs, of this node alone; undefined: the programs end with the process. */
  readonly folder: string | undefined;
  /** Cookies of further network namespaces whose processes are this node's. */
  readonly namespaces: () => readonly bigint[];
  /** From the end of a look at all elements to the next. */
  readonly restMs: number;
}

export interface Outcome {
  readonly added: number;
  readonly removed: number;
  readonly error?: Error;
}

/** Not names of Services: those have a "/". */
const own = { addresses: "addresses", members: "members" } as const;
const settingsKey = u32(0);
/** A look at all elements takes this share of the time, in steps: no change waits for it. */
const shareOfTime = 20;

export class BpfPlane {
  readonly #options: BpfPlaneOptions;
  readonly #collection: Collection;
  readonly #model = new Model();
  readonly #identities = new Identities();
  /** Names of each Service's ports. */
  readonly #ports = new Map<string, readonly string[]>();
  /** What holds: only from a look until it is used, as 100,000 elements weigh; then the model knows. New maps are empty. */
  #observed: Elements | undefined = new Map();
  #settings: Settings | undefined;
  /** What the map of the settings has, as far as we know. */
  #written = "";
  /** Until the first sync. */
  #adopted: AdoptedNames | undefined;
  /** The maps are not as we believe: a command failed. */
  #isDoubtful = false;
  #isClosed = false;
  /** With the settings, as far as we know: others may take the links away. */
  #isAttached = false;
  #nextLookAt = 0;
  #look: Generator<void, boolean> | undefined;
  #cancelStep = () => {};

  constructor(options: BpfPlaneOptions) {
    this.#options = options;
    this.#collection = new Collection({
      object: servicePrograms(),
      folder: options.folder,
      markerMap: "settings_map",
      accepts: (maps) => {
        const bytes = maps.get("settings_map")?.get(settingsKey);
        return bytes !== undefined && readSettings(bytes).version === serviceProgramsVersion;
      },
    });
  }

  /** How many elements a former process left. */
  adopt(): number {
    if (!this.#collection.adopted) return 0;
    const observed = observe(this.#collection.maps);
    this.#observed = observed;
    this.#adopted = adoptedNames(observed);
    const bytes = this.#collection.maps.get("settings_map")?.get(settingsKey);
    if (bytes) this.#identities.reserve(readSettings(bytes));
    return [...observed.values()].reduce((sum, { size }) => sum + size, 0);
  }

  sync(changes: Changes): Outcome {
    const settings = changes.settings ?? this.#settings;
    if (!settings) return { added: 0, removed: 0, error: new TypeError("The first sync must bring the settings") };
    const isOther = !this.#settings || !rendersSame(settings, this.#settings);
    const isPart = isOther && !changes.full;
    const services = isPart ? changes.everything?.() : changes.services;
    if (!services) return { added: 0, removed: 0, error: new TypeError("Other settings must bring all Services") };
    this.#settings = settings;
    this.#change({ services, full: isPart || changes.full }, settings);
    if (changes.full || changes.settings) {
      this.#surroundings(settings);
      this.#isAttached = false;
    }
    if (changes.full) {
      this.#observed = observe(this.#collection.maps);
      this.#rest();
    }
    const outcome = this.#write();
    if (!outcome.error) this.#adopted = undefined;
    return outcome;
  }

  /** Undefined when nothing was wrong. */
  verify(): Outcome | undefined {
    if (!this.#settings) return undefined;
    this.#surroundings(this.#settings);
    this.#isAttached = false;
    const outcome = this.#write();
    if (!this.#look && performance.now() >= this.#nextLookAt) {
      this.#look = hasDifference(this.#collection.maps, this.#model.desired.elements);
      this.#step();
    }
    return outcome.added + outcome.removed > 0 || outcome.error ? outcome : undefined;
  }

  remove(): void {
    this.#cancelStep();
    this.#collection.remove();
    this.#isClosed = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#cancelStep();
    this.#collection.close();
    this.#isClosed = true;
  }

  #change({ services, full }: Pick<Changes, "services" | "full">, settings: Settings): void {
    const names = new Set(services.keys());
    if (full) for (const name of this.#ports.keys()) names.add(name);
    for (const name of names) {
      this.#model.release(name);
      const kept = (services.get(name) ?? []).map((port) => port.name);
      for (const port of this.#ports.get(name) ?? []) if (!kept.includes(port)) this.#identities.forget(port);
      if (kept.length > 0) this.#ports.set(name, kept);
      else this.#ports.delete(name);
    }
    for (const [name, ports] of services) this.#model.acquire(name, this.#render(ports, settings));
  }

  #render(ports: readonly ServicePort[], settings: Settings): Element[] {
    return ports.flatMap((port) => renderPort(port, this.#identities.of(port, this.#adopted?.of(port)), settings));
  }

  /** What belongs to no Service: the node's addresses and namespaces. */
  #surroundings(settings: Settings): void {
    const members = this.#options
      .namespaces()
      .map((one): Element => ({ map: "members", key: cookie(one), value: u32(0) }));
    for (const [name, elements] of [
      [own.addresses, renderAddresses(this.#options.network.addresses(), settings)],
      [own.members, members],
    ] as const) {
      this.#model.release(name);
      this.#model.acquire(name, elements);
    }
  }

  #write(): Outcome {
    try {
      if (this.#isDoubtful) this.#observed = observe(this.#collection.maps);
      const { desired } = this.#model;
      const observed = this.#observed;
      const steps = observed ? plan(observed, desired.elements, undefined, lists) : desired.steps(lists);
      this.#isDoubtful = true;
      if (this.#settings) this.#writeSettings(this.#settings);
      this.#perform(steps);
      this.#isDoubtful = false;
      this.#observed = undefined;
      this.#model.desired.clean();
      return countSteps(steps);
    } catch (error) {
      return { added: 0, removed: 0, error: error as Error };
    }
  }

  #perform(steps: Steps): void {
    apply(this.#collection.maps, steps);
    if (this.#isAttached) return;
    this.#attachToCgroup();
    if (this.#settings) this.#attachToDevices(this.#options.network.outsideDevices(this.#settings));
    this.#collection.keep();
    this.#isAttached = true;
  }

  #attachToCgroup(): void {
    const target = open(this.#options.cgroup.path);
    try {
      this.#collection.attach({ kind: "cgroup", target });
    } finally {
      close(target);
    }
  }

  /** Kernels before 6.6 have no such links: there the packet rules take all packets. */
  #attachToDevices(devices: readonly number[]): void {
    const suffixOf = (device: number): string => `_${device}`;
    this.#collection.detachOthers(new Set(devices.map(suffixOf)));
    for (const target of devices) {
      try {
        this.#options.network.within(() => this.#collection.attach({ kind: "tcx", target, suffix: suffixOf(target) }));
      } catch (error) {
        if (!hasCode(error, "EINVAL", "EOPNOTSUPP")) throw error;
      }
    }
  }

  /** Before the elements that have the new numbers. Each read is a system call: with a mere change, what is known is not read again. */
  #writeSettings({ podCidrs, masqueradeBit }: Settings): void {
    const { node, cgroup } = this.#options;
    const value = settingsValue({
      node,
      everybody: !cgroup.isRoot,
      ...this.#identities.last,
      version: serviceProgramsVersion,
      mark: 2 ** masqueradeBit,
    });
    if (!this.#isAttached) this.#writeBlocks(podCidrs);
    else if (value === this.#written) return;
    const map = this.#collection.maps.get("settings_map");
    if (map?.get(settingsKey) !== value) map?.set(settingsKey, value);
    this.#written = value;
  }

  #writeBlocks(podCidrs: Settings["podCidrs"]): void {
    const blocks = this.#collection.maps.get("pod_blocks");
    for (let n = 0; n < (blocks?.shape.maxEntries ?? 0); n++) {
      const cidr = podCidrs[n];
      const block = cidr ? blockValue(cidr) : noBlock;
      if (blocks?.get(u32(n)) !== block) blocks?.set(u32(n), block);
    }
  }

  /** What a look finds, or what ends it, is put right with the next verification. */
  #step(): void {
    const start = performance.now();
    const { done, value } = this.#next();
    if (done) {
      this.#isDoubtful ||= value;
      this.#look = undefined;
      this.#rest();
      return;
    }
    const timer = setTimeout(() => this.#step(), shareOfTime * (performance.now() - start));
    timer.unref();
    this.#cancelStep = () => clearTimeout(timer);
  }

  #rest(): void {
    this.#nextLookAt = performance.now() + this.#options.restMs;
  }

  #next(): IteratorResult<void, boolean> {
    try {
      return this.#look?.next() ?? { done: true, value: false };
    } catch {
      return { done: true, value: true };
    }
  }
}
