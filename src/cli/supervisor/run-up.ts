/** `fairlead up`, step by step: check, make, start, apply, verify, say so, wait, remove. */

import type { ApiClient } from "../../client/client.ts";
import { createClient } from "../../client/rest.ts";
import { close } from "../../kernel/ffi.ts";
import { identify, isAlive } from "../../kernel/processes.ts";
import { createLog, type Log } from "../../lib/log.ts";
import { type ClusterState, makeDataDir, readState, removeData, writeState } from "../data-dir.ts";
import { demoSummary } from "../demo.ts";
import { CliError } from "../errors.ts";
import { addContext, contextServers, kubeconfigPath, removeContext } from "../kubeconfig-file.ts";
import { applyManifests, readManifests, waitForDeployments } from "../manifests.ts";
import type { TolerationSeconds } from "../node-options.ts";
import { examplesDir, programWords, settle } from "../program.ts";
import type { Progress } from "../progress.ts";
import { type ApiPort, reserveApiPort } from "./api-port.ts";
import { clusterConfig, hostApiUrl } from "./cluster-config.ts";
import { type Credentials, ensureCredentialsApart } from "./credentials.ts";
import { removeMachineRemains } from "./machine-runtime.ts";
import { type Cluster, interrupted, startCluster } from "./supervisor.ts";
import { type MachineTier, requireTier, tierName } from "./tier.ts";

export interface UpOptions {
  readonly manifests: readonly string[];
  readonly nodes: number;
  /** Undefined: as many as nodes, at most three. */
  readonly zones: number | undefined;
  /** Undefined: 40 s. */
  readonly nodeGraceMs: number | undefined;
  readonly tolerations: TolerationSeconds;
  readonly enabledAdmission: readonly string[];
  readonly dualStack: boolean;
  readonly proxyMode: string;
  readonly auditLog: string | undefined;
  readonly dataDir: string;
  /** The data folder was named by the user: its objects stay when the cluster stops. */
  readonly keepData: boolean;
  readonly kubeconfig: string | undefined;
  readonly apiPort: number | undefined;
  readonly resolvConf: string;
  readonly demo: boolean;
  /** Of the last steps: Services answer, the demo's Pods are ready. */
  readonly timeoutMs: number;
  readonly registries: Readonly<Record<string, string>>;
  readonly containerRuntime: string;
}

/** Refuses a folder in use; clears what a run that was killed left in it. */
async function claimDataDir(dataDir: string, log: Log): Promise<void> {
  const former = readState(dataDir);
  if (former && isAlive(former.supervisor)) {
    throw new CliError(
      `A cluster runs with the data folder "${dataDir}" (process ${former.supervisor.pid}): stop it with "fairlead down", or choose another folder with --data DIR.`,
    );
  }
  if (former) {
    removeContext(former.kubeconfig.path, former.kubeconfig.context);
    await removeMachineRemains(former.config).catch((error: unknown) =>
      log.warn("containerd keeps Pods of a former run", { error }),
    );
    removeData(dataDir, false);
    log.debug("Cleared what a former run left", { dataDir });
  }
  makeDataDir(dataDir);
}

/** "fairlead", or with the port when that name is another running cluster's. */
function contextName(path: string, server: string, running: boolean): string {
  const taken = contextServers(path).get("fairlead");
  return taken === undefined || taken === server || !running ? "fairlead" : `fairlead-${server.split(":").at(-1)}`;
}

function clientOf(credentials: Credentials, port: ApiPort, log: Log): ApiClient {
  const { certificate, key } = credentials.pki.client("admin");
  const server = `https://127.0.0.1:${port.port}`;
  return createClient(
    { server, ca: credentials.pki.ca, cert: certificate, key, namespace: "default" },
    { userAgent: "fairlead-up", log },
  );
}

interface Started {
  readonly state: ClusterState;
  readonly cluster: Cluster;
  readonly client: ApiClient;
}

async function start(
  options: UpOptions,
  tier: MachineTier,
  port: ApiPort,
  progress: Progress,
  log: Log,
): Promise<Started> {
  const config = clusterConfig({ ...options, apiPort: port.port });
  progress.step("Certificates, control plane");
  const credentials = ensureCredentialsApart(config);
  const cluster = await startCluster({
    config,
    tier: tier.tier,
    apiFd: port.fd,
    program: programWords,
    proxyMode: options.proxyMode,
    auditLog: options.auditLog,
    credentials,
    resolvConf: options.resolvConf,
    log,
  });
  try {
    await cluster.apiServer;
    const path = kubeconfigPath(options.kubeconfig);
    const context = contextName(path, hostApiUrl(config), port.port !== 6443);
    addContext(path, (await credentials).userKubeconfig(context));
    const supervisor = identify(process.pid);
    const holder = identify(cluster.holder.pid);
    if (!supervisor || !holder) throw new CliError("The cluster's namespaces ended while it started.");
    const state: ClusterState = {
      tier: tier.tier,
      supervisor,
      holder,
      kubeconfig: { path, context },
      config,
      ready: false,
    };
    writeState(options.dataDir, state);
    return { state, cluster, client: clientOf(await credentials, port, log) };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function bringUp(options: UpOptions, { cluster, client, state }: Started, progress: Progress): Promise<void> {
  const manifests = readManifests([...options.manifests, ...(options.demo ? [examplesDir] : [])]);
  if (manifests.length > 0) {
    progress.step(`Manifests: ${manifests.length} objects`);
    await applyManifests(client, manifests);
  }
  progress.step(options.nodes === 1 ? "One node" : `${options.nodes} nodes`);
  await cluster.started;
  progress.step("Services answer and names resolve");
  await cluster.check(`kubernetes.default.svc.${state.config.clusterDomain}`, options.timeoutMs);
  if (options.demo) {
    progress.step("Demo Pods are ready");
    await waitForDeployments(client, manifests, options.timeoutMs);
  }
  progress.finish();
  writeState(options.dataDir, { ...state, ready: true });
}

async function summary(options: UpOptions, { client, state }: Started, tier: MachineTier): Promise<string> {
  const { config, kubeconfig } = state;
  const lines = [
    "",
    `The cluster is ready: ${hostApiUrl(config)}, context "${kubeconfig.context}" in ${kubeconfig.path}`,
    `Tier: ${tierName(tier.tier)} (${tier.reason})`,
    "",
    "",
  ];
  return options.demo
    ? lines.join("\n") + (await demoSummary(client, kubeconfig.path))
    : `${lines.join("\n")}Try: kubectl get services --all-namespaces\n`;
}

/** Resolves with the exit code when the cluster has been stopped; throws CliError when it did not come up, nothing left behind. */
export async function runUp(
  options: UpOptions,
  progress: Progress,
  announce: (summary: string) => void,
): Promise<number> {
  const log = createLog(undefined, { level: process.env.FAIRLEAD_DEBUG === undefined ? "warn" : "debug" });
  progress.step("This machine");
  await claimDataDir(options.dataDir, log);
  const tier = requireTier();
  progress.note(`${tierName(tier.tier)} (${tier.reason})`);
  const port = await reserveApiPort(options.apiPort);
  const stopRequest = interrupted();
  let started: Started | undefined;
  try {
    const starting = start(options, tier, port, progress, log);
    started = await starting;
    const working = bringUp(options, started, progress).then(() => true);
    const finished = await Promise.race([working, stopRequest.then(() => false)]);
    if (finished) {
      settle();
      announce(await summary(options, started, tier));
      await Promise.race([stopRequest, started.cluster.holder.ended]);
    }
    working.catch(() => {});
  } catch (error) {
    await finish(options, started, true);
    throw error;
  } finally {
    close(port.fd);
  }
  await finish(options, started, !options.keepData);
  return 0;
}

/** Ends the cluster and removes what it made; with `everything` the data folder too. */
async function finish(options: UpOptions, started: Started | undefined, everything: boolean): Promise<void> {
  if (started) {
    await started.cluster.stop();
    const { path, context } = started.state.kubeconfig;
    removeContext(path, context);
  }
  removeData(options.dataDir, everything && !options.keepData);
}
