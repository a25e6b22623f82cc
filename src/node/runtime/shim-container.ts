/** One container beside its shim: its record, its processes by their traces in files, and its output. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../lib/log.ts";
import { LogPump, writeToFifo } from "../logs/log-pump.ts";
import type { ProcessIdentity } from "../sandbox/port.ts";
import { endInput, openInput } from "./container-input.ts";
import { type ContainerRecord, exitedFile, readState, readText, startedFile } from "./container-record.ts";
import type { ContainerInfo, ContainerState, ContainerStreams } from "./container-runtime.ts";
import type { ExecPort } from "./exec.ts";
import { type TerminalStream, terminalStream } from "./terminal-stream.ts";

/** A shim that has not begun within this time never will. */
const shimBeginMs = 1000;
/** Of a shim: the side of the terminal that shows it. */
const terminalDescriptor = 3;

export interface ShimContainerOptions {
  readonly port: ExecPort;
  readonly log: Log;
  /** The folder where shims tell of starts and ends. */
  readonly events: string;
}

export class ShimContainer {
  readonly record: ContainerRecord;
  readonly settled = Promise.withResolvers<void>();
  state: ContainerState = { kind: "starting" };
  readonly #options: ShimContainerOptions;
  /** When this agent began with it, or took it over. */
  readonly #sinceMs = Date.now();
  /** Known as soon as it was looked for. */
  #shim: ProcessIdentity | undefined;
  #pump: LogPump | undefined;
  #terminal: TerminalStream | undefined;

  constructor(record: ContainerRecord, options: ShimContainerOptions) {
    this.record = record;
    this.#options = options;
  }

  get info(): ContainerInfo {
    return { ...this.record, state: this.state };
  }

  get ended(): boolean {
    return this.state.kind === "exited";
  }

  /** The command itself, as far as it has begun. */
  get process(): ProcessIdentity | undefined {
    return this.#identity("process");
  }

  get shim(): ProcessIdentity | undefined {
    this.#shim ??= this.#identity("shim");
    return this.#shim;
  }

  /** It lives, or may still begin. */
  get hasShim(): boolean {
    const { shim } = this;
    return shim ? this.#options.port.isAlive(shim) : Date.now() - this.#sinceMs < shimBeginMs;
  }

  /** Nothing has to be looked at: its shim was seen, lives and has told of no end. */
  get isFine(): boolean {
    const { port, events } = this.#options;
    const lives = this.state.kind === "running" && this.#shim && port.isAlive(this.#shim);
    return Boolean(lives) && !existsSync(exitedFile(events, this.record.id));
  }

  /** By what its shim has told. */
  readState(): ContainerState {
    const { port, events } = this.#options;
    return readState(this.record, { events, parsePid: (stat) => port.parseProcess(stat)?.pid });
  }

  showOn(terminalFd: number): void {
    this.#terminal = terminalStream(terminalFd, this.#options.port);
  }

  /** The FIFOs are there as soon as anything has happened. */
  readOutput(): void {
    const { directory, logFile, input, tty, name } = this.record;
    const options = { keepEarly: input !== undefined };
    try {
      this.#pump ??= tty ? this.#terminalPump(options) : LogPump.ofFifos(logFile, directory, options);
    } catch (error) {
      this.#options.log.warn("container's output cannot be read", { container: name, error });
    }
  }

  #terminalPump(options: { keepEarly: boolean }): LogPump {
    this.#terminal ??= this.#heldTerminal();
    const { fd, stream } = this.#terminal;
    return new LogPump(this.record.logFile, [{ stream: "stdout", fd, socket: stream }], options);
  }

  /** The shim's: of a former agent, or where the shim gets it from elsewhere. */
  #heldTerminal(): TerminalStream {
    const { port } = this.#options;
    const copy = this.shim && port.copyDescriptor(this.shim, terminalDescriptor);
    if (copy === undefined) throw new Error("its terminal is gone with its shim");
    return terminalStream(copy, port);
  }

  /** What it left behind ends, and what it wrote is kept. */
  finish(): void {
    this.#killLeftovers();
    this.#pump?.finish();
    // The shim has waited for this line: only now may what it holds be lost.
    writeToFifo(join(this.record.directory, "control"), "read");
  }

  /** Where it was not alone in its pid namespace, what it started may live on: nobody else has its mount namespace. */
  #killLeftovers(): void {
    const { directory, pidNamespace } = this.record;
    const namespace = pidNamespace && readText(join(directory, "mount-namespace"))?.trim();
    if (namespace) this.#options.port.killByMountNamespace(namespace);
  }

  /** Without its shim nobody would know how it ends. */
  abandon(): void {
    const { process, record } = this;
    if (process) this.#options.port.signal(process, "SIGKILL");
    if (record.input) endInput(record);
  }

  get streams(): ContainerStreams {
    return {
      onOutput: (listener) => this.#pump?.onOutput(listener) ?? (() => undefined),
      openStdin: () => (this.state.kind === "running" ? openInput(this.record, this.#terminal) : undefined),
      resize: (size) => this.#terminal?.resize(size),
    };
  }

  /** Its files; its logs are the Pod's. */
  forget(): void {
    const { id, directory, scratch } = this.record;
    for (const path of [directory, scratch ?? directory]) rmSync(path, { recursive: true, force: true });
    for (const file of [startedFile, exitedFile]) rmSync(file(this.#options.events, id), { force: true });
  }

  /** Its output is read no more. */
  close(): void {
    this.#pump?.close();
  }

  #identity(file: "process" | "shim"): ProcessIdentity | undefined {
    return this.#options.port.parseProcess(readText(join(this.record.directory, file)) ?? "");
  }
}
