/** All containers of one Pod, each in its slot. */
import type { Pod } from "../../api/object.ts";
import type { ContainerInfo } from "../runtime/container-runtime.ts";
import { ContainerSlot, type SlotOwner } from "./container-slot.ts";
import { type ContainerView, containersOf } from "./container-view.ts";
import type { RestartBackoff } from "./restart-backoff.ts";

export class PodContainers {
  readonly #slots: ContainerSlot[] = [];
  readonly #owner: () => SlotOwner;

  constructor(owner: () => SlotOwner) {
    this.#owner = owner;
  }

  /** Ephemeral containers are added to a running Pod; the image of the others may change. */
  take({ spec }: Pod): void {
    for (const { role, container } of containersOf(spec)) {
      const slot = this.find(container.name);
      if (slot) slot.container = container;
      else this.#slots.push(new ContainerSlot(role, container, this.#owner));
    }
  }

  find(name: string | undefined): ContainerSlot | undefined {
    return this.#slots.find((slot) => slot.name === name);
  }

  /** Containers of a former agent. */
  adopt(infos: readonly ContainerInfo[]): void {
    for (const slot of this.#slots) slot.adopt(infos.filter(({ name }) => name === slot.name));
  }

  get views(): readonly ContainerView[] {
    return this.#slots.map(({ view }) => view);
  }

  get backoffs(): ReadonlyMap<string, RestartBackoff> {
    return new Map(this.#slots.flatMap(({ name, backoff }) => (backoff ? [[name, backoff] as const] : [])));
  }

  /** Some container has been started, or nearly. */
  get begun(): boolean {
    return this.#slots.some(({ current }) => current);
  }

  get someEnded(): boolean {
    return this.#slots.some(({ current }) => current?.state.kind === "exited");
  }

  stopReplaced(): void {
    for (const slot of this.#slots) slot.stopIfReplaced();
  }

  /** An image that was missing may be there now; says whether any was. */
  retryImages(): boolean {
    const missing = this.#slots.filter(({ waiting }) => /Image/.test(waiting?.reason ?? ""));
    for (const slot of missing) slot.retryAtMs = 0;
    return missing.length > 0;
  }

  /**
   * Call it again after every change until nothing runs; `late`: all must go now. Sidecars serve the others to the end,
   * and end in the reverse order of their start.
   */
  stop(deadlineMs: number, { late }: { readonly late: boolean }): "gone" | "ending" | "some wait" {
    const running = this.#slots.filter((slot) => slot.running);
    const others = running.filter(({ role }) => role !== "sidecar");
    const next = late ? running : others.length > 0 ? others : running.slice(-1);
    for (const slot of next) slot.stop(deadlineMs, `Stopping container ${slot.name}`);
    if (running.length > next.length) return "some wait";
    return running.length > 0 ? "ending" : "gone";
  }

  keepOnlyReadiness(): void {
    for (const slot of this.#slots) slot.keepOnlyReadiness();
  }

  close(): void {
    for (const slot of this.#slots) slot.close();
  }
}
