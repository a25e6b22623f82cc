/** Debian's containerd for tests: all that it writes lies below one folder. Use it inside of namespaces, which end what it leaves. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentConfig } from "../agent-config.ts";
import { serveRegistry } from "../images/content/registry-server.ts";
import { CriClient } from "../runtime/cri/client.ts";
import { cniConfig, cniPlugin } from "../runtime/cri/cni-plugin.ts";
import { removeCluster } from "../runtime/cri/remove-cluster.ts";
import { sandboxImage } from "../runtime/cri/sandbox-image.ts";
import { containerdProgram } from "./find-containerd.ts";

/** A containerd with what the supervisor gives for it, where cluster and machine have the same namespaces. */
export class TestMachine {
  readonly config: Pick<AgentConfig, "containerRuntime" | "machine">;
  readonly #cluster = randomBytes(4).toString("hex");
  readonly #containerd: Containerd;
  readonly #registry: Awaited<ReturnType<typeof serveRegistry>>;

  private constructor(containerd: Containerd, registry: Awaited<ReturnType<typeof serveRegistry>>) {
    this.#containerd = containerd;
    this.#registry = registry;
    const own = `/proc/${process.pid}/ns/net`;
    this.config = {
      containerRuntime: `unix://${containerd.socket}`,
      machine: {
        ...{ cluster: this.#cluster, clusterRoot: "", nodeNamespace: own, network: own, registryPort: registry.port },
        memoryDir: join(containerd.directory, "memory"),
      },
    };
  }

  static async start(directory: string, dataDir: string): Promise<TestMachine> {
    const containerd = new Containerd(directory, { cgroups: true });
    await containerd.start();
    return new TestMachine(containerd, await serveRegistry(dataDir));
  }

  async restart(): Promise<void> {
    await this.#containerd.stop();
    await this.#containerd.start();
  }

  async stop(): Promise<void> {
    await removeCluster(this.#containerd.socket, this.#cluster);
    this.#registry.close();
    await this.#containerd.stop();
  }
}

const limitMs = 20_000;
const sandboxName = "localhost/pause:1";

const config = (directory: string, cgroups: boolean): string => `
version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "${directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxName}"
  disable_apparmor = true
  disable_cgroup = ${!cgroups}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${directory}/cni/bin"
    conf_dir = "${directory}/cni/conf"
`;

export class Containerd {
  readonly directory: string;
  readonly socket: string;
  #child: ChildProcess | undefined;

  /** Without `cgroups` there are no limits, and nothing is made below /sys. */
  constructor(directory: string, { cgroups = false } = {}) {
    this.directory = directory;
    this.socket = join(directory, "containerd.sock");
    const [bin, conf] = [join(directory, "cni/bin"), join(directory, "cni/conf")];
    for (const path of [bin, conf]) mkdirSync(path, { recursive: true });
    writeFileSync(join(directory, "config.toml"), config(directory, cgroups));
    writeFileSync(join(conf, "10-fairlead.conflist"), cniConfig);
    writeFileSync(join(bin, "fairlead"), cniPlugin);
    chmodSync(join(bin, "fairlead"), 0o755);
    symlinkSync("fairlead", join(bin, "loopback"));
  }

  async start(): Promise<void> {
    const log = openSync(join(this.directory, "log"), "a");
    const words = ["--config", join(this.directory, "config.toml")];
    this.#child = spawn(containerdProgram ?? "", words, { stdio: ["ignore", log, log] });
    const client = new CriClient(this.socket);
    for (const end = Date.now() + limitMs; ; await delay(50)) {
      const answered = await client.call("version", {}, 1000).catch(() => undefined);
      if (answered) break;
      if (Date.now() > end) throw new Error(`containerd does not answer: ${this.log}`);
    }
    client.close();
    this.#importSandboxImage();
  }

  stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return Promise.resolve();
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    return ended;
  }

  get log(): string {
    return readFileSync(join(this.directory, "log"), "utf8");
  }

  #importSandboxImage(): void {
    const words = ["--address", this.socket, "--namespace", "k8s.io", "images", "import", "-"];
    const { status, stderr, stdout } = spawnSync("ctr", words, {
      ...{ encoding: "utf8", timeout: limitMs },
      input: sandboxImage(sandboxName),
    });
    if (status !== 0) throw new Error(`ctr: ${stdout}${stderr}`);
  }
}
