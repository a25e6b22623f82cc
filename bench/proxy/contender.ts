/** A proxy under measurement: a process in its node's network, fairlead's own or the peer. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import type { BenchNode } from "./network.ts";
import { podCidr } from "./objects.ts";

const program = join(import.meta.dirname, "../..", "bin", "fairlead.js");
/** The peer would set these for the whole machine. */
const leaveConntrackAlone = [
  "--conntrack-max-per-core=0",
  "--conntrack-min=0",
  "--conntrack-tcp-timeout-established=0s",
  "--conntrack-tcp-timeout-close-wait=0s",
];

export interface Contender {
  /** e.g. "nftables", "kube-proxy iptables". */
  readonly name: string;
  readonly command: (node: BenchNode, kubeconfig: string) => readonly string[];
}

export const ours = (mode: string): Contender => ({
  name: mode,
  command: (node, kubeconfig) => [
    ...[program, "proxy", "--kubeconfig", kubeconfig, "--proxy-mode", mode],
    ...["--node-name", node.name, "--cluster-cidr", podCidr, "--metrics-bind-address", "0.0.0.0:10249"],
  ],
});

export const peer = (path: string, mode: string): Contender => ({
  name: `kube-proxy ${mode}`,
  command: (node, kubeconfig) => [
    ...[path, "--kubeconfig", kubeconfig, "--proxy-mode", mode, "--hostname-override", node.name],
    ...["--cluster-cidr", podCidr, "--metrics-bind-address", "0.0.0.0:10249", ...leaveConntrackAlone],
  ],
});

export class Running {
  readonly node: BenchNode;
  readonly startedNs: bigint;
  readonly #child: ChildProcess;
  readonly #log: string;

  constructor(contender: Contender, node: BenchNode, { kubeconfig }: Lab) {
    this.node = node;
    this.#log = `/run/${node.name}.log`;
    const log = openSync(this.#log, "w");
    this.startedNs = process.hrtime.bigint();
    this.#child = node.spawn(contender.command(node, kubeconfig), log);
    closeSync(log);
    this.#child.stdout?.resume();
  }

  get pid(): number {
    if (this.#child.pid === undefined || this.#child.exitCode !== null)
      throw new Error(`The proxy ended:\n${this.log().slice(-2000)}`);
    return this.#child.pid;
  }

  log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Seconds and number of its syncs of IPv4 so far: both proxies have this metric. */
  async syncs(): Promise<{ seconds: number; count: number }> {
    const text = await get(`http://${this.node.address}:10249/metrics`);
    const sum = (end: string) =>
      [...text.matchAll(new RegExp(`^kubeproxy_sync_proxy_rules_duration_seconds_${end}({[^}]*})? (.*)$`, "gm"))]
        .filter(([, labels = ""]) => !labels.includes("IPv6"))
        .map(([, , value]) => Number(value))
        .reduce((all, value) => all + value, 0);
    return { seconds: sum("sum"), count: sum("count") };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { timeout: 5_000, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () => request.destroy(new Error(`Cannot get ${url} in 5 s`)));
    request.on("error", reject);
  });
}
