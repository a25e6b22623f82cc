/** What of a cluster is on the machine: processes, network namespaces, links, mounts, folders, cgroups. Needs root. */
import { spawnSync } from "node:child_process";
import { globSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { listProcesses, signalProcess } from "../../src/kernel/processes.ts";

const uidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

export interface ClusterProcess {
  readonly pid: number;
  readonly words: string;
  readonly kill: () => void;
}

/** Empty where there is no such folder (any more). */
export function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Where the shim of a container was started; "" if the process is none. */
function shimFolder(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes("shim.sh") ? readlinkSync(`/proc/${pid}/cwd`) : "";
  } catch {
    return "";
  }
}

export class Machine {
  readonly #data: string;

  constructor(data: string) {
    this.#data = data;
  }

  get #holder(): number {
    const state = readFileSync(join(this.#data, "cluster.json"), "utf8");
    return (JSON.parse(state) as { holder: { pid: number } }).holder.pid;
  }

  /** A path inside of the cluster's mount namespace. */
  #inside(path: string): string {
    return `/proc/${this.#holder}/root${path}`;
  }

  /** Processes that name a folder of this cluster. */
  processes(pattern: RegExp): ClusterProcess[] {
    return listProcesses().flatMap((process) => {
      try {
        const words = readFileSync(`/proc/${process.pid}/cmdline`, "utf8").split("\0").join(" ");
        if (!words.includes(this.#data) || !pattern.test(words)) return [];
        return [{ pid: process.pid, words, kill: () => void signalProcess(process, "SIGKILL") }];
      } catch {
        return [];
      }
    });
  }

  /** The first process of each running container, by the folder of its start. */
  containers(node = ""): { readonly start: string; readonly uid: string; readonly kill: () => void }[] {
    const all = listProcesses();
    const folder = join(this.#data, "run/nodes", node);
    return all.flatMap(({ pid }) => {
      const start = shimFolder(pid);
      const [, uid] = new RegExp(`/pods/(${uidPattern.source})/containers/`).exec(start) ?? [];
      if (!uid || !start.startsWith(`${folder}/`)) return [];
      // shim → unshare → the container
      const children = all.filter(({ parentPid }) => parentPid === pid);
      const inner = all.filter(({ parentPid }) => children.some((child) => child.pid === parentPid));
      return [{ start, uid, kill: () => void inner.map((process) => signalProcess(process, "SIGKILL")) }];
    });
  }

  /** Uids of Pods that have a network namespace, on all nodes. */
  sandboxes(): string[] {
    return names(this.#inside(join(this.#data, "run/netns")))
      .filter((name) => name.startsWith("pod-"))
      .map((name) => name.slice("pod-".length));
  }

  /** Uids of Pods that have a folder on the node, in memory or on disk. */
  folders(node: string): string[] {
    const places = ["run/nodes", "nodes"].map((place) => join(this.#data, place, node, "pods"));
    return [...new Set(places.flatMap((place) => names(this.#inside(place))))].sort();
  }

  /** Uids in mounts of the cluster's own mount namespace, and in cgroups. */
  leftovers(): { readonly mounts: string[]; readonly cgroups: string[] } {
    const uidsIn = (texts: readonly string[]) => [
      ...new Set(texts.flatMap((text) => uidPattern.exec(text.replaceAll("_", "-"))?.[0] ?? [])),
    ];
    const mounts = readFileSync(`/proc/${this.#holder}/mountinfo`, "utf8").split("\n");
    const cgroups = globSync("/sys/fs/cgroup/**/*fairlead*/**", { exclude: (path) => /\.\w+$/.test(path) });
    return { mounts: uidsIn(mounts.filter((line) => line.includes(this.#data))), cgroups: uidsIn(cgroups) };
  }

  /** Links of a network namespace: of a node, or (without one) of the network under them. */
  links(node?: string): string[] {
    const namespace =
      node === undefined ? `/proc/${this.#holder}/ns/net` : this.#inside(join(this.#data, "run/netns", node));
    const { stdout } = spawnSync("nsenter", [`--net=${namespace}`, "ip", "-o", "link"], { encoding: "utf8" });
    return stdout.split("\n").flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? []);
  }

  setLink(node: string, state: "up" | "down"): void {
    const namespace = `/proc/${this.#holder}/ns/net`;
    spawnSync("nsenter", [`--net=${namespace}`, "ip", "link", "set", node, state]);
  }
}
