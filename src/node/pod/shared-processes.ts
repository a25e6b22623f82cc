/** The first process of a Pod whose containers share their process ids. Source: core/v1 PodSpec.shareProcessNamespace. */
import { randomBytes } from "node:crypto";
import type { Pod } from "../../api/object.ts";
import type { ContainerInfo } from "../runtime/container-runtime.ts";
import type { PodContext } from "./pod-context.ts";
import { logPath } from "./pod-paths.ts";
import type { PodSandbox } from "./pod-sandbox.ts";

/** No container of a Pod can have such a name. */
const name = "POD";
/** It takes care of those that others leave behind, and ends when it is told to. */
const program = `$0 = "/pause"; $SIG{CHLD} = "IGNORE"; $SIG{TERM} = $SIG{INT} = sub { exit 0 }; sleep while 1;`;

export class SharedProcesses {
  readonly #context: PodContext;
  readonly #pod: Pod;

  constructor(context: PodContext, pod: Pod) {
    this.#context = context;
    this.#pod = pod;
  }

  /** Of the container that runs it; undefined when there is none. */
  get id(): string | undefined {
    return this.#running?.id;
  }

  async ensure({ names, networkNamespace, ipcNamespace }: PodSandbox): Promise<void> {
    if (this.#running) return;
    const attempt = Math.max(-1, ...this.#all.map((info) => info.attempt)) + 1;
    await this.end();
    const { uid = "" } = this.#pod.metadata;
    await this.#context.runtime.start({
      ...{ id: randomBytes(32).toString("hex"), podUid: uid, name, attempt, image: "", imageId: "" },
      ...{ argv: ["/usr/bin/perl", "-e", program], env: {}, workingDir: "/", root: { kind: "machine" }, mounts: [] },
      ...{ hostname: names.utsName, capabilities: [], noNewPrivileges: true },
      logFile: logPath(this.#context.directories, { uid, container: name, attempt }),
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(ipcNamespace !== undefined && { ipcNamespace }),
    });
  }

  /** With it ends what is left of the Pod's processes. */
  async end(): Promise<void> {
    for (const { id } of this.#all) await this.#context.runtime.remove(id);
  }

  get #all(): readonly ContainerInfo[] {
    return this.#context.runtime.list().filter((info) => info.name === name && info.podUid === this.#pod.metadata.uid);
  }

  get #running(): ContainerInfo | undefined {
    return this.#all.find(({ state }) => state.kind === "running");
  }
}
