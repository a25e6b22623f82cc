/** Asks, from a node, for the moment at which a Service's address begins or ceases to answer. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { type BenchNode, traffic } from "./network.ts";
import { clusterIpOf, servicePort } from "./objects.ts";

export class Prober {
  readonly #child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(node: BenchNode) {
    this.#child = node.spawn([traffic, "watch"], "inherit");
    if (!this.#child.stdout) throw new Error("The prober has no output");
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
  }

  /** The time by the monotonic clock, as process.hrtime has it; undefined: not in time. */
  when(service: number, wanted: "open" | "closed", limitMs: number): Promise<bigint | undefined> {
    this.#child.stdin?.write(`${clusterIpOf(service)} ${servicePort} ${wanted} ${limitMs}\n`);
    return new Promise((resolve) => this.#waiting.push((line) => resolve(line === "0" ? undefined : BigInt(line))));
  }

  stop(): void {
    this.#child.kill();
  }
}
