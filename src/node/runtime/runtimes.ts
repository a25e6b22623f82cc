/** Two runtimes as one: a container is of the one whose handler it names. */
import type {
  ContainerInfo,
  ContainerRuntime,
  ContainerSpec,
  ContainerStreams,
  ExecProcess,
  ExecResult,
} from "./container-runtime.ts";

export class Runtimes implements ContainerRuntime {
  readonly #usual: ContainerRuntime;
  readonly #other: ContainerRuntime;
  readonly #handler: string;

  constructor(usual: ContainerRuntime, other: { readonly handler: string; readonly runtime: ContainerRuntime }) {
    this.#usual = usual;
    this.#other = other.runtime;
    this.#handler = other.handler;
  }

  start(spec: ContainerSpec): Promise<void> {
    return (spec.handler === this.#handler ? this.#other : this.#usual).start(spec);
  }

  get(id: string): ContainerInfo | undefined {
    return this.#other.get(id) ?? this.#usual.get(id);
  }

  list(): readonly ContainerInfo[] {
    return [...this.#usual.list(), ...this.#other.list()];
  }

  signal(id: string, signal: NodeJS.Signals): boolean {
    return this.#of(id).signal(id, signal);
  }

  remove(id: string): Promise<void> {
    return this.#of(id).remove(id);
  }

  async endPod(podUid: string, options: { readonly forget: boolean }): Promise<void> {
    await this.#usual.endPod?.(podUid, options);
    await this.#other.endPod?.(podUid, options);
  }

  exec(id: string, argv: readonly string[], options: { timeoutMs: number }): Promise<ExecResult> {
    return this.#of(id).exec(id, argv, options);
  }

  openExec(id: string, argv: readonly string[], options: { tty: boolean }): Promise<ExecProcess | undefined> {
    return this.#of(id).openExec(id, argv, options);
  }

  streams(id: string): ContainerStreams | undefined {
    return this.#of(id).streams(id);
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    const ends = [this.#usual.onChange(listener), this.#other.onChange(listener)];
    return () => {
      for (const end of ends) end();
    };
  }

  close(): void {
    this.#usual.close();
    this.#other.close();
  }

  #of(id: string): ContainerRuntime {
    return this.#other.get(id) ? this.#other : this.#usual;
  }
}
