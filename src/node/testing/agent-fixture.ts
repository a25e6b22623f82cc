/** An agent on an API in memory, for tests inside of namespaces. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Event, Pod } from "../../api/object.ts";
import { events, pods } from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import { createMemoryClient } from "../../client/testing/memory-client.ts";
import { detachMountsBelow } from "../../kernel/mount.ts";
import { openRouteSocket, setLink } from "../../kernel/route/mod.ts";
import { createLog } from "../../lib/log.ts";
import { type Agent, startAgent } from "../agent.ts";
import type { AgentConfig } from "../agent-config.ts";
import { removeClusterCgroups } from "../cgroups/cgroups.ts";
import { criHandler } from "../runtime/cri/names.ts";
import { writeCertificates } from "./certificates.ts";
import { TestMachine } from "./containerd.ts";
import { testRuntime } from "./in-namespaces.ts";
import { loadSmallImage } from "./small-image.ts";

const limitMs = 40_000;
const port = 10250;
const namespace = "default";

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
export const waitingReason = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.waiting?.reason;
/** A container that runs a script of the machine's shell; for a runtime of images, of a small image's. */
export const shell = (script: string) => ({
  ...{ name: "main", image: testRuntime ? "small:1" : "host", command: ["/bin/sh", "-c", script] },
});

export async function until<T>(read: () => Promise<T | undefined | false>, what: string): Promise<T> {
  for (const limit = Date.now() + limitMs; Date.now() < limit; await delay(2)) {
    const value = await read();
    if (value) return value;
  }
  throw new Error(`${what} did not happen in time`);
}

export class AgentFixture {
  readonly client = createMemoryClient();
  config: AgentConfig;
  /** Warnings and errors that were logged. */
  readonly problems: string[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "fairlead-agent-"));
  #agent: Agent | undefined;
  #stop = new AbortController();
  #machine: TestMachine | undefined;

  constructor() {
    const file = (name: string) => join(this.#directory, name);
    this.config = {
      nodeName: "node-1",
      nodeIps: ["127.0.0.1"],
      podCidrs: ["10.244.7.0/24"],
      clusterCidrs: ["10.244.0.0/16"],
      clusterDns: ["10.96.0.10"],
      clusterDomain: "cluster.local",
      runDir: file("run"),
      dataDir: file("data"),
      server: { port, caFile: file("ca.crt"), certFile: file("server.crt"), keyFile: file("server.key") },
      programs: { fairlead: ["/bin/echo", "fairlead"] },
      mtu: 1500,
      ...(testRuntime && testRuntime !== criHandler && { containerRuntime: testRuntime }),
      leaseDurationSec: 1,
    };
  }

  /** Once, before the first agent. */
  async open(): Promise<void> {
    for (const path of [this.config.runDir, this.config.dataDir]) mkdirSync(path, { recursive: true });
    const socket = openRouteSocket();
    setLink(socket, "lo", { up: true });
    socket.close();
    await writeCertificates(this.#directory);
    if (testRuntime !== criHandler) return;
    this.#machine = await TestMachine.start(join(this.#directory, "machine"), this.config.dataDir);
    this.config = { ...this.config, ...this.#machine.config };
  }

  async restartContainerd(): Promise<void> {
    await this.#machine?.restart();
  }

  /** Loads what `shell` needs. */
  async provideShell(): Promise<void> {
    if (testRuntime) await loadSmallImage(this.config.dataDir, "small:1");
  }

  async begin(): Promise<void> {
    this.#stop = new AbortController();
    const log = createLog((line) => void this.problems.push(line), { level: "warn" });
    const { config, client } = this;
    this.#agent = startAgent({ config, client, log, signal: this.#stop.signal });
    await this.#agent.ready;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#agent?.done;
  }

  async close(): Promise<void> {
    await this.#machine?.stop();
    removeClusterCgroups(this.config.runDir);
    detachMountsBelow(this.#directory);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  create(name: string, spec: PodSpec): Promise<Pod> {
    return this.client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: { nodeName: this.config.nodeName, terminationGracePeriodSeconds: 5, ...spec },
    });
  }

  async find(name: string): Promise<Pod | undefined> {
    try {
      return await this.client.get(pods, name, namespace);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  podWhen(name: string, accept: (pod: Pod) => boolean): Promise<Pod> {
    const read = async () => {
      const pod = await this.find(name);
      return pod && accept(pod) && pod;
    };
    return until(read, `${name}: ${accept}`);
  }

  /** Resolves when it is gone, from the node too if an agent runs. The API in memory does not take the grace period from the spec. */
  async remove(name: string, gracePeriodSeconds = 0): Promise<void> {
    const uid = (await this.find(name))?.metadata.uid ?? "";
    await this.client.delete(pods, { name, namespace }, { gracePeriodSeconds });
    await until(async () => !(await this.find(name)), `deletion of ${name}`);
    const { runDir, dataDir, nodeName } = this.config;
    const volumes = [runDir, dataDir].map((directory) => join(directory, "nodes", nodeName, "pods", uid));
    const places = [...volumes, this.networkNamespace(uid)];
    if (!this.#stop.signal.aborted)
      await until(async () => !places.some((place) => existsSync(place)), `removal of ${name} from the node`);
  }

  networkNamespace(podUid: string): string {
    return join(this.config.runDir, "netns", `pod-${podUid}`);
  }

  async eventsOf(name: string): Promise<Event[]> {
    const { items } = await this.client.list(events, { namespace });
    return items.filter(({ involvedObject }) => involvedObject.name === name);
  }

  logOf(name: string, query = ""): Promise<{ status: number; body: string }> {
    const read = (file: string) => readFileSync(join(this.#directory, file));
    const path = `/containerLogs/${namespace}/${name}/main${query}`;
    const tls = { ca: read("ca.crt"), cert: read("client.crt"), key: read("client.key"), agent: false };
    return new Promise((resolve, reject) => {
      const request = get({ host: "127.0.0.1", port, path, ...tls }, async (response) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        resolve({ status: response.statusCode ?? 0, body });
      });
      request.on("error", reject);
    });
  }
}
