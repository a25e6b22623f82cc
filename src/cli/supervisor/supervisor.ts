/** Runs an embedded cluster: namespaces, control plane, one agent for each node; ends all of it again. */

import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { removeUnusedNodeCgroups } from "../../kernel/bpf/cgroup.ts";
import type { Tier } from "../../kernel/capabilities.ts";
import type { Log } from "../../lib/log.ts";
import { removeClusterCgroups } from "../../node/cgroups/cgroups.ts";
import type { ClusterConfig } from "../cluster.ts";
import { imageSocket, paths } from "../data-dir.ts";
import { CliError } from "../errors.ts";
import { compileCacheDir } from "../program.ts";
import { createDialer } from "./dialer.ts";
import { startDnsRelay } from "./dns-relay.ts";
import { createHolder, type Holder } from "./holder.ts";
import { createHostPorts } from "./host-ports.ts";
import { startMachineRuntime } from "./machine-runtime.ts";
import type { FromSupervisor, HostPort, ToSupervisor } from "./messages.ts";
import { type Supervised, supervise } from "./supervised.ts";

export interface SupervisorOptions {
  readonly config: ClusterConfig;
  readonly tier: Tier;
  /** Bound to the API server's port of the host. */
  readonly apiFd: number;
  /** Program and first arguments of fairlead, e.g. ["/usr/bin/node", "/opt/fairlead/dist/fairlead.js"]. */
  readonly program: readonly string[];
  readonly proxyMode: string;
  /** A file that gets a line for each request; undefined: none. */
  readonly auditLog: string | undefined;
  /** Resolves when certificates and kubeconfigs are written. */
  readonly credentials: Promise<unknown>;
  /** Lists the host's resolvers for names outside the cluster. */
  readonly resolvConf: string;
  readonly log: Log;
}

export interface Cluster {
  readonly holder: Holder;
  /** Resolves when the API server answers; throws as `started`. */
  readonly apiServer: Promise<void>;
  /** Resolves when the API server and all agents work; throws CliError with what one of them said. */
  readonly started: Promise<void>;
  /** Resolves when `name` is resolved by the cluster's DNS and the API's Service answers; throws CliError after `timeoutMs`. */
  check(name: string, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** The environment of the cluster's processes: nothing of the user's proxy, Kubernetes or Node settings. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, FAIRLEAD_DEBUG } = process.env;
  const own = { PATH, HOME, LANG, TZ, FAIRLEAD_DEBUG, NODE_COMPILE_CACHE: compileCacheDir };
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}

/** A supervisor that has no registry to ask does not load what asks one. */
async function startPulls(config: ClusterConfig, log: Log): Promise<{ close(): void } | undefined> {
  if (Object.keys(config.registries).length === 0) return undefined;
  const { startPullService } = await import("../../node/images/pull-service.ts");
  return startPullService(imageSocket(config.dataDir), { dataDir: config.dataDir, mirrors: config.registries, log });
}

export async function startCluster(options: SupervisorOptions): Promise<Cluster> {
  const { config, tier, apiFd, program, proxyMode, log } = options;
  const all = paths(config.dataDir);
  const holder = await createHolder(config.runDir, tier);
  const relay = await startDnsRelay(join(all.sockets, "dns.sock"), { resolvConf: options.resolvConf, log });
  const pulls = await startPulls(config, log);
  const machine = await startMachineRuntime(config, log);
  const ready = new Map<string, PromiseWithResolvers<void>>();
  const dialer = createDialer(() => processes.slice(1));
  const hostPorts = createHostPorts(dialer);
  const checks = new Set<(problem: string | undefined) => void>();

  const onMessage = (name: string, message: ToSupervisor, handle: unknown): void => {
    if (message.type === "ready") ready.get(name)?.resolve();
    else if (message.type === "failed") ready.get(name)?.reject(new CliError(message.message));
    else if (message.type === "host-ports") hostPorts.set(message.ports, refuse);
    else if (message.type === "dialed") dialer.dialed(message, handle);
    else if (message.type === "checked") for (const resolve of [...checks]) resolve(message.problem);
  };
  const refuse = (port: HostPort, reason: string): void => {
    const answer: FromSupervisor = { type: "port-refused", ...port, reason };
    processes[0]?.send(answer);
  };
  const sendStart = async (child: ChildProcess): Promise<void> => {
    await options.credentials;
    const message: FromSupervisor = { type: "start" };
    if (child.connected) child.send(message, () => {});
  };
  const run = (name: string, args: readonly string[], fds: readonly number[] = []): Supervised => {
    ready.set(name, Promise.withResolvers<void>());
    return supervise({
      name,
      // One whose nsenter alone was killed would live on unseen, and hold the ports that its successor needs.
      argv: [...holder.enter(), "setpriv", "--pdeathsig", "KILL", ...program, ...args],
      env: environment(),
      logFile: join(all.logs, `${name.replace(" ", "-")}.log`),
      fds,
      log,
      onMessage: (message, handle) => onMessage(name, message as ToSupervisor, handle),
      onStart: (child) => void sendStart(child),
    });
  };
  const json = JSON.stringify(config);
  // By it the eBPF programs tell the nodes' processes apart.
  const cgroup = proxyMode === "ebpf" ? ["--cgroup"] : [];
  const audit = options.auditLog ? ["--audit-log", options.auditLog] : [];
  const facts = machine ? ["--machine-json", JSON.stringify(machine.facts(holder.pid))] : [];
  const machineFds = machine ? [machine.networkFd] : [];
  const processes: readonly Supervised[] = [
    run("control-plane", ["control-plane", "--config-json", json, "--proxy-mode", proxyMode, ...audit], [apiFd]),
    ...config.nodes.map(({ name }) =>
      run(`agent ${name}`, ["node", "--config-json", json, "--node-name", name, ...cgroup, ...facts], machineFds),
    ),
  ];
  const ended = holder.ended.then(() => {
    throw new CliError("The cluster's namespaces ended while it started.");
  });
  const readiness = (names: readonly string[]): Promise<void> => {
    const all = Promise.all([options.credentials, ...names.map((name) => ready.get(name)?.promise)]).then(() => {});
    const first = Promise.race([all, ended]);
    // Awaited by the caller, who may not have come to it yet when it fails.
    first.catch(() => {});
    return first;
  };

  return {
    holder,
    apiServer: readiness(["control-plane"]),
    started: readiness([...ready.keys()]),
    async check(name, timeoutMs) {
      const agent = processes[1];
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      checks.add(resolve);
      const message: FromSupervisor = { type: "check", name, timeoutMs };
      agent?.send(message);
      const timer = setTimeout(() => resolve(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      const problem = await promise;
      clearTimeout(timer);
      checks.delete(resolve);
      if (problem !== undefined)
        throw new CliError(`The cluster does not work: ${problem}. Its logs are in "${all.logs}".`);
    },
    async stop() {
      hostPorts.close();
      for (const one of processes) one.stop();
      relay.close();
      pulls?.close();
      await holder.close();
      await machine?.close();
      removeClusterCgroups(all.run);
      if (proxyMode === "ebpf") removeUnusedNodeCgroups();
    },
  };
}

/** One Ctrl-C arrives several times when npm or a launcher hands it on beside the terminal. */
const repeatMs = 1000;

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a later one ends the program at once (the kernel cleans up). */
export function interrupted(): Promise<void> {
  let first: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (first === undefined) {
          first = Date.now();
          resolve();
        } else if (Date.now() - first > repeatMs) process.exit(1);
      });
    }
  });
}
