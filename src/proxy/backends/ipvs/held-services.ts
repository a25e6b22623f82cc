/** Our virtual services in the kernel, and our picture of them. */
import {
  type Ipvs,
  type IpvsCommand,
  type IpvsRefusal,
  type ServiceKey,
  serverText,
  serviceKeyText,
} from "../../../kernel/ipvs/port.ts";
import type { IpFamily } from "../../../net/ip.ts";
import { drained, type HeldService, isDraining, isSame } from "./plan.ts";

export class HeldServices {
  readonly #family: IpFamily;
  readonly #ipvs: Ipvs;
  #held = new Map<string, HeldService>();
  /** Those with servers that take no more. */
  readonly #draining = new Set<string>();
  #cursor = 0;
  #kernelMs = 0;

  constructor(family: IpFamily, ipvs: Ipvs) {
    this.#family = family;
    this.#ipvs = ipvs;
  }

  get(text: string): HeldService | undefined {
    return this.#held.get(text);
  }

  texts(): IterableIterator<string> {
    return this.#held.keys();
  }

  all(): IterableIterator<HeldService> {
    return this.#held.values();
  }

  takeKernelMs(): number {
    const kernelMs = this.#kernelMs;
    this.#kernelMs = 0;
    return kernelMs;
  }

  /** Reads those that are ours: `isOurs` tells, and what we held before. */
  observe(isOurs: (key: ServiceKey) => boolean): void {
    const before = this.#held;
    this.#held = new Map();
    this.#draining.clear();
    for (const { key, ...settings } of this.#ipvs.services()) {
      const text = serviceKeyText(key);
      if (key.family !== this.#family || !(before.has(text) || isOurs(key))) continue;
      this.#held.set(text, { key, settings, servers: new Map() });
      this.#readServers(text);
    }
  }

  /**
   * Compares what we hold with the kernel, so that nobody waits long for it: all services, and the servers of the next `most`
   * of them. Returns the keys of those that differ, or may.
   */
  glance(most: number): ReadonlyMap<string, ServiceKey> {
    const there = new Map(this.#ipvs.services().map(({ key, ...settings }) => [serviceKeyText(key), settings]));
    const looked = new Map<string, ServiceKey>();
    for (const [text, held] of [...this.#held]) {
      const settings = there.get(text);
      if (settings && isSame(settings, held.settings)) continue;
      if (settings) held.settings = settings;
      else this.#held.delete(text);
      looked.set(text, held.key);
    }
    for (const text of this.#next(most)) {
      const held = this.#held.get(text);
      if (held) looked.set(text, held.key);
      this.#readServers(text);
    }
    return looked;
  }

  /** Returns what the kernel refused; all else holds. */
  run(commands: readonly IpvsCommand[]): readonly IpvsRefusal[] {
    if (commands.length === 0) return [];
    const start = performance.now();
    const refusals = this.#ipvs.run(commands);
    this.#kernelMs += performance.now() - start;
    const refused = new Set(refusals.map(({ command }) => command));
    for (const command of commands) if (!refused.has(command)) this.#take(command);
    return refusals;
  }

  /** Deletes the servers whose last connection has ended. */
  drain(): void {
    for (const text of [...this.#draining]) {
      const service = this.#held.get(text);
      const servers = service && this.#ipvs.servers(service.key);
      if (!servers) {
        this.#draining.delete(text);
        continue;
      }
      for (const server of servers) {
        const name = serverText(server);
        if (service.servers.has(name)) service.servers.set(name, server);
      }
      this.run(drained(service));
      if (!isDraining(service)) this.#draining.delete(text);
    }
  }

  /** Each service has its turn. */
  #next(most: number): string[] {
    const texts = [...this.#held.keys()];
    const from = this.#cursor < texts.length ? this.#cursor : 0;
    this.#cursor = from + most;
    return texts.slice(from, this.#cursor);
  }

  #readServers(text: string): void {
    const held = this.#held.get(text);
    if (!held) return;
    held.servers.clear();
    for (const server of this.#ipvs.servers(held.key) ?? []) held.servers.set(serverText(server), server);
    if (isDraining(held)) this.#draining.add(text);
  }

  #take(command: IpvsCommand): void {
    const text = serviceKeyText(command.key);
    if (command.op === "delete-service") {
      this.#held.delete(text);
      this.#draining.delete(text);
      return;
    }
    if ("settings" in command) {
      const held = this.#held.get(text);
      if (held) held.settings = command.settings;
      else this.#held.set(text, { key: command.key, settings: command.settings, servers: new Map() });
      return;
    }
    const servers = this.#held.get(text)?.servers;
    const name = serverText(command.server);
    if (command.op === "delete-server") servers?.delete(name);
    else {
      servers?.set(name, { ...command.server, connections: servers.get(name)?.connections ?? 0 });
      if (command.server.weight === 0) this.#draining.add(text);
    }
  }
}
