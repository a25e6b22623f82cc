/** What the agent has seen of containerd's containers, and who wants to hear of it. */
import type { ContainerInfo, ContainerState } from "../container-runtime.ts";
import type { CriRecord } from "./record.ts";

export interface Container {
  readonly record: CriRecord;
  /** Of containerd; undefined until it is made there. */
  foreignId?: string;
  state: ContainerState;
}

export class Containers {
  readonly #byId = new Map<string, Container>();
  readonly #listeners = new Set<(container: ContainerInfo) => void>();

  add(record: CriRecord, foreignId?: string): Container {
    const container: Container = { record, state: { kind: "starting" }, ...(foreignId !== undefined && { foreignId }) };
    this.#byId.set(record.id, container);
    return container;
  }

  get(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  all(): readonly Container[] {
    return [...this.#byId.values()];
  }

  running(): readonly Container[] {
    return this.all().filter(({ state }) => state.kind === "running");
  }

  /** As containerd names it; undefined unless it runs. */
  runningId(id: string): string | undefined {
    const container = this.#byId.get(id);
    return container?.state.kind === "running" ? container.foreignId : undefined;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  /** An end is the last of its states. */
  become(container: Container, state: ContainerState): void {
    if (container.state.kind === "exited" || container.state.kind === state.kind) return;
    container.state = state;
    for (const listener of this.#listeners) listener(infoOf(container));
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

export function infoOf({ record, state, foreignId }: Container): ContainerInfo {
  return { env: {}, ...record, state, ...(foreignId !== undefined && { foreignId }) };
}

/** It could not be started. */
export const failed = (error: unknown): ContainerState => ({
  kind: "exited",
  finishedAtMs: Date.now(),
  exitCode: 128,
  error: (error as Error).message,
});

/** Somebody else has removed it. */
export function lost(state: ContainerState): ContainerState {
  const startedAtMs = state.kind === "running" ? state.startedAtMs : Date.now();
  const error = "containerd does not know the container any more";
  return { kind: "exited", startedAtMs, finishedAtMs: Date.now(), exitCode: 137, error };
}
