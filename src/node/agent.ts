/** The node agent: kubelet's role. All it knows of the cluster comes from the API, all it knows of itself from `AgentConfig`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { nodes, pods, services } from "../api/resource.ts";
import type { ApiClient } from "../client/client.ts";
import { createEventRecorder } from "../client/events.ts";
import { createInformer } from "../client/informer.ts";
import { mountsBelow, mountTmpfs } from "../kernel/mount.ts";
import { writeSysctl } from "../kernel/sysctl.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { coalesce } from "../lib/coalesce.ts";
import type { Log } from "../lib/log.ts";
import type { AgentConfig } from "./agent-config.ts";
import { Cgroups } from "./cgroups/cgroups.ts";
import { createBuiltInImages } from "./images/built-in.ts";
import { createImageCatalog } from "./images/catalog.ts";
import { splitRepository } from "./images/content/registry-url.ts";
import { createLoadedImages } from "./images/loaded.ts";
import { askForPull } from "./images/pull-service.ts";
import { PodNetwork, podRoutes } from "./network/pod-network.ts";
import { ConfigWatches } from "./pod/config-watches.ts";
import type { PodContext } from "./pod/pod-context.ts";
import { PodRegistry } from "./pod-registry.ts";
import { hasOtherUsers, readMachine } from "./registration/machine.ts";
import { type Machine, nodeResources } from "./registration/node-object.ts";
import { register } from "./registration/registration.ts";
import type { ContainerRuntime } from "./runtime/container-runtime.ts";
import { criHandler, socketOf } from "./runtime/cri/names.ts";
import { findEngines } from "./runtime/find-engines.ts";
import { probeOverlay } from "./runtime/overlay.ts";
import { Runtimes } from "./runtime/runtimes.ts";
import { ShimRuntime } from "./runtime/shim-runtime.ts";
import { createLinuxPort } from "./sandbox/linux.ts";
import { PodIpc } from "./sandbox/pod-ipc.ts";
import type { SandboxPort } from "./sandbox/port.ts";
import { startServer } from "./server/server.ts";

export interface Agent {
  /** Resolves when leftovers are gone, the network stands and the Node is registered; rejects when one of these cannot be. */
  readonly ready: Promise<void>;
  /** Resolves after `signal` aborted and everything is closed; containers go on running, to be adopted by the next agent. Rejects as `ready` does. */
  readonly done: Promise<void>;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

interface Made {
  readonly context: PodContext;
  readonly machine: Machine;
  readonly runtime: ContainerRuntime;
  readonly port: SandboxPort;
}

/** Beside the shims', containerd's, when the cluster was told of one. */
async function withCri(
  shims: ShimRuntime,
  { config, log }: AgentOptions,
  port: SandboxPort,
): Promise<{ readonly runtime: ContainerRuntime; readonly version?: string }> {
  const socket = socketOf(config.containerRuntime ?? "");
  if (socket === undefined || !config.machine) return { runtime: shims };
  const { openCri } = await import("./runtime/cri/open-cri.ts");
  const { runtime, version } = await openCri({ ...config, machine: config.machine, socket, port, log });
  return { runtime: new Runtimes(shims, { handler: criHandler, runtime }), version };
}

async function make(options: AgentOptions): Promise<Made> {
  const { config, client, log, signal, clock = systemClock } = options;
  const run = join(config.runDir, "nodes", config.nodeName);
  const memory = config.machine ? join(config.machine.memoryDir, config.nodeName, "pods") : join(run, "pods");
  const directories = { memory, disk: join(config.dataDir, "nodes", config.nodeName, "pods") };
  for (const directory of Object.values(directories)) mkdirSync(directory, { recursive: true });
  const port = createLinuxPort();
  const opened = Cgroups.open(config);
  const cgroups = opened instanceof Cgroups ? opened : undefined;
  const { engines, handlers, version: own } = findEngines({ usual: config.containerRuntime, directory: run, cgroups });
  const shims = new ShimRuntime({ directory: run, port, log, engines, cgroups });
  const { runtime, version = own } = await withCri(shims, options, port);
  const network = new PodNetwork({
    ...config,
    port,
    log,
    namespaces: join(config.runDir, "netns"),
    directory: join(run, "sandboxes"),
  });
  const machine = { ...readMachine(config.dataDir), ...(version && { runtimeVersion: version }) };
  const otherUsers = hasOtherUsers();
  const overlay = () => probeOverlay(directories.disk);
  const loaded = createLoadedImages({ ...config, keepOwners: otherUsers, overlay });
  const context: PodContext = {
    ...{
      config,
      client,
      runtime,
      handlers,
      network,
      ipc: new PodIpc(port, join(run, "ipc")),
      clock,
      log,
      signal,
      directories,
    },
    images: createImageCatalog({
      builtIn: createBuiltInImages(config),
      loaded,
      hasRegistry: (reference) => config.registry?.hosts.includes(splitRepository(reference).host) ?? false,
      pull: (request) => askForPull(config.registry?.socket ?? "", request),
    }),
    configWatches: new ConfigWatches({ client, log, signal }),
    abilities: { noLimits: opened instanceof Cgroups ? undefined : opened.reason },
    setSysctls: (namespaces, settings) =>
      port.spawnIn(namespaces, () => {
        for (const [name, value] of settings) writeSysctl(name, value);
      }),
    mountMemory: (directory, bytes) => {
      // containerd would not see the mount: there the size is looked at, as on disk.
      if (!config.machine && mountsBelow(directory).length === 0) mountTmpfs(directory, { size: String(bytes) });
    },
    services: createInformer(client, services, { log, signal }),
    recorder: createEventRecorder(client, { component: "kubelet", host: config.nodeName, log }),
    allocatable: nodeResources(machine, config),
    otherUsers,
  };
  return { context, machine, runtime, port };
}

/** Routes to the Pods of other nodes follow the Node objects. */
function followNodes({ client, log, signal, clock, config, network }: PodContext): void {
  const informer = createInformer(client, nodes, { log, signal });
  const routes = coalesce({
    run: async () => network.setRoutes(podRoutes(informer.list(), config.nodeName)),
    ...{ clock, log, signal },
  });
  informer.onChange(() => routes.trigger());
}

async function begin({ context, machine, port }: Made, registry: PodRegistry): Promise<void> {
  const { client, config, log, signal, runtime } = context;
  const fieldSelector = `spec.nodeName=${config.nodeName}`;
  const informer = createInformer(client, pods, { log, signal, fieldSelector });
  const { findLog, targets } = registry;
  const registered = register({ ...context, machine });
  followNodes(context);
  await startServer({ config, log, signal, runtime, port, findLog, targets, pods: () => registry.pods() });
  // Environment variables of Services must be whole from the first container on.
  await Promise.all([informer.synced, context.services.synced]);
  await registry.begin(informer);
  await registered;
}

/** Runs the agent in this process, which must live in the node's network namespace. */
export function startAgent(options: AgentOptions): Agent {
  const done = Promise.withResolvers<void>();
  const run = async () => {
    const made = await make(options);
    const registry = new PodRegistry(made.context);
    const close = async () => {
      registry.close();
      made.runtime.close();
      await made.context.recorder.flush();
      done.resolve();
    };
    options.signal.addEventListener("abort", () => void close(), { once: true });
    await begin(made, registry);
  };
  const ready = run();
  // The caller may look at `done` only.
  ready.catch((error: unknown) => done.reject(error));
  done.promise.catch(() => undefined);
  return { ready, done: done.promise };
}
