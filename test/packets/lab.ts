/**
 * A node and its neighbours in throw-away network namespaces; all links are veths, nothing leaves the machine.
 *
 *   pod-a .0.11 ─┐              far ─ 172.19.0.2 node-b ─ pod-far 10.244.1.13 (a Pod of another node)
 *   pod-b .0.12 ─┴ cni0 [node] eth0 ─ outside 172.18.0.1, 192.168.50.1        (node-b and outside route VIPs to the node)
 *       10.244.0.0/24     172.18.0.2
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CLONE_NEWNET, hasCode, unshare } from "../../src/kernel/ffi.ts";
import { type HostName, hostNames, hostPort, manyPorts, podPort } from "./addresses.ts";
import { configure } from "./lab-network.ts";
import type { Answer, Order, Tally } from "./order.ts";

/** Undefined, or why there can be no lab: moves this thread into a new network namespace, which becomes the node. */
export function enterNode(): string | undefined {
  try {
    unshare(CLONE_NEWNET);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EPERM")) return "making network namespaces needs root: run under `unshare -Urn`";
    throw error;
  }
}

export class Actor {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer & Tally) => void>();
  #lastId = 0;

  constructor(inOwnNamespace: boolean) {
    const command = [process.execPath, new URL("actor.ts", import.meta.url).pathname];
    const [program = "", ...args] = inOwnNamespace ? ["unshare", "--net", ...command] : command;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: this.#child.stdout ?? process.stdin });
    lines.on("line", (line) => {
      const { id, ...answer } = JSON.parse(line) as Answer & Tally & { id: number };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** `unshare` becomes the actor by exec: the number is the actor's. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  order(order: Order): Promise<Answer & Tally> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin?.write(`${JSON.stringify({ ...order, id })}\n`);
    });
  }

  async run(...commands: string[]): Promise<void> {
    const { failure } = await this.order({ do: "run", commands: commands.map((line) => line.split(" ")) });
    if (failure) throw new Error(failure);
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.stdin?.end();
    return closed;
  }
}

export interface Lab {
  order(host: HostName, order: Order): Promise<Answer & Tally>;
  close(): Promise<void>;
}

/** Call it after `enterNode`. */
export async function createLab(): Promise<Lab> {
  const hosts = new Map(hostNames.map((name) => [name, new Actor(name !== "node")]));
  const host = (name: HostName): Actor => hosts.get(name) as Actor;
  await configure(host);
  for (const name of hostNames) {
    const isPod = name.startsWith("pod");
    const ports = [isPod ? podPort : hostPort];
    for (const protocol of isPod ? (["TCP", "UDP", "SCTP"] as const) : (["TCP", "UDP"] as const)) {
      const { failure } = await host(name).order({ do: "serve", protocol, ports, name });
      if (failure) throw new Error(`Cannot serve ${protocol} on ${name}: ${failure}`);
    }
  }
  await host("pod-b").order({ do: "serve", protocol: "TCP", ports: manyPorts, name: "pod-b" });
  return {
    order: (name, order) => host(name).order(order),
    close: async () => {
      await Promise.all([...hosts.values()].map((actor) => actor.close()));
    },
  };
}
