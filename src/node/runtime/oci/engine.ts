/** Images run by an OCI runtime of the machine: the shim makes the root, `<runtime> run --detach` the rest, the keeper waits. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroups } from "../../cgroups/cgroups.ts";
import type { ContainerRecord } from "../container-record.ts";
import type { ContainerSpec } from "../container-runtime.ts";
import type { Engine, StartPlace } from "../engine.ts";
import { capabilitiesIn } from "../enter.ts";
import { machineFiles } from "../file-view.ts";
import { renderRootScript, renderShimStart } from "../setup-script.ts";
import type { SetupStep } from "../setup-step.ts";
import { planOwnRoot } from "../unpacked-root.ts";
import { ociConfig, ociProcess } from "./bundle.ts";
import { execOnPipes, execOnTerminal } from "./exec.ts";
import { type KeeperFiles, keeperCommand, keeperProgram } from "./keeper.ts";
import type { OciProgram } from "./programs.ts";

const environment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
const consoleFile = "console";

/** crun refuses version 1 with a version 2 hierarchy beside it, which is of no use to it: it must not see that one. */
const hybrid = "/sys/fs/cgroup/unified";
const hideHybrid = (): SetupStep[] =>
  existsSync(join(hybrid, "cgroup.procs"))
    ? [{ kind: "mount", source: "fairlead", target: hybrid, type: "tmpfs", options: "ro" }]
    : [];

export interface OciEngineOptions extends OciProgram {
  /** Of the node, in memory: holds the runtime's own state. */
  readonly directory: string;
  /** Absent: limits are not enforced. */
  readonly cgroups?: Cgroups | undefined;
}

class OciEngine implements Engine {
  readonly handler: string;
  readonly givesTerminal = false;
  readonly #words: readonly string[];
  readonly #keeper: string;
  readonly #cgroups: Cgroups | undefined;
  /** Where the runtime makes the cgroups; else the keeper enters ours. */
  readonly #cgroupsPath: ((id: string) => string) | undefined;
  readonly #owned = capabilitiesIn(/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0");
  #execs = 0;

  constructor({ name, path, directory, cgroups }: OciEngineOptions) {
    this.handler = name;
    this.#cgroups = cgroups;
    // crun takes paths from the root of each hierarchy: in version 1 those of fairlead need not be there.
    const makes = cgroups && (name !== "crun" || cgroups.version === 2);
    this.#cgroupsPath = makes ? (id) => cgroups.pathFor(id) : undefined;
    const state = join(directory, "oci", name);
    mkdirSync(state, { recursive: true, mode: 0o700 });
    this.#keeper = join(directory, "oci", "keeper.pl");
    writeFileSync(this.#keeper, keeperProgram);
    this.#words = [path, "--root", state, ...(name === "crun" && !makes ? ["--cgroup-manager=disabled"] : [])];
  }

  prepare(spec: ContainerSpec, { directory, startedFile, exitedFile, joinPid }: StartPlace) {
    const { id, root, input, tty, scratch = `${directory}/scratch` } = spec;
    if (root.kind !== "unpacked") throw new Error(`${this.handler} runs images, not the machine's own programs`);
    const rootfs = join(directory, "root");
    const steps = planOwnRoot(root, { ...spec, scratch, directory: rootfs, view: machineFiles });
    writeFileSync(join(directory, "setup.sh"), renderRootScript([...steps, ...hideHybrid()], directory));
    const options = { rootfs, joinPid, owned: this.#owned, cgroupsPath: this.#cgroupsPath?.(id) };
    writeFileSync(join(directory, "config.json"), JSON.stringify(ociConfig(spec, options)));
    if (spec.limits && !this.#cgroupsPath) this.#cgroups?.create(id, spec.limits);
    const shim = { started: startedFile, exited: exitedFile, setup: "setup.sh" };
    const files = { log: "runtime.log", pid: "pid", console: tty ? consoleFile : undefined };
    const command = keeperCommand({ program: this.#keeper, cgroups: this.#toEnter(spec), shim, ...files });
    const rest = this.#runtime(files, [
      "run",
      "--detach",
      "--no-new-keyring",
      "--bundle=.",
      ...this.#fileOptions(files),
      id,
    ]);
    writeFileSync(join(directory, "shim.sh"), renderShimStart({ command, rest }, { input, tty }));
    return { ownRoot: true };
  }

  async openExec(record: ContainerRecord, argv: readonly string[], options: Parameters<Engine["openExec"]>[2]) {
    const { tty, port } = options;
    const { id, directory } = record;
    const name = `exec-${this.#execs++}`;
    const files = {
      log: `${name}.log`,
      pid: `${name}.pid`,
      process: `${name}.json`,
      console: tty ? `${name}.console` : undefined,
    };
    const env = tty ? { TERM: "xterm", ...record.env } : record.env;
    writeFileSync(
      join(directory, files.process),
      JSON.stringify(ociProcess({ ...record, env, argv, tty }, this.#owned)),
    );
    const keeper = keeperCommand({ program: this.#keeper, cgroups: this.#toEnter(record), ...files });
    const words = [
      "exec",
      "--detach",
      `--process=${files.process}`,
      ...(tty ? ["--tty"] : []),
      ...this.#fileOptions(files),
      id,
    ];
    const start = { command: [...keeper, "--", ...this.#runtime(files, words)], directory, env: environment, port };
    return tty ? execOnTerminal(start) : execOnPipes(start);
  }

  async release({ id, limits }: ContainerRecord): Promise<void> {
    const [program = "", ...words] = this.#words;
    const child = spawn(program, [...words, "delete", "--force", id], { env: environment, stdio: "ignore" });
    await new Promise<void>((resolve) => child.once("error", () => resolve()).once("exit", () => resolve()));
    if (limits || this.#cgroupsPath) this.#cgroups?.remove(id);
  }

  #toEnter({ id, limits }: Pick<ContainerRecord, "id" | "limits">): readonly string[] | undefined {
    return limits && !this.#cgroupsPath ? this.#cgroups?.procs(id) : undefined;
  }

  #runtime({ log }: KeeperFiles, words: readonly string[]): string[] {
    return [...this.#words, `--log=${log}`, "--log-format=json", ...words];
  }

  #fileOptions({ pid, console }: KeeperFiles): string[] {
    return [`--pid-file=${pid}`, ...(console === undefined ? [] : [`--console-socket=${console}`])];
  }
}

export const createOciEngine = (options: OciEngineOptions): Engine => new OciEngine(options);
