import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hasIpv6 } from "../../kernel/features.ts";
import { parseMirror } from "../../node/images/content/registry-url.ts";
import { socketOf } from "../../node/runtime/cri/names.ts";
import { runtimeProblem } from "../../node/runtime/find-engines.ts";
import { probeEbpf } from "../../proxy/backends/ebpf/plane.ts";
import { probeIpvs } from "../../proxy/backends/ipvs/plane.ts";
import { admissionOptions, enabledAdmission } from "../admission-options.ts";
import type { Command } from "../command.ts";
import { dataDirOf, makeDataDir, paths } from "../data-dir.ts";
import { durationOption } from "../duration.ts";
import { CliError, UsageError } from "../errors.ts";
import { heartbeatOptions, tolerationOptions, tolerationSeconds } from "../node-options.ts";
import { numberOption, parseOptions, type Values } from "../options.ts";
import { print } from "../print.ts";
import { programWords } from "../program.ts";
import { createProgress, type Progress } from "../progress.ts";
import { maxNodes } from "../supervisor/cluster-config.ts";
import { runUp, type UpOptions } from "../supervisor/run-up.ts";

const options = {
  filename: {
    type: "string",
    short: "f",
    multiple: true,
    value: "FILE|DIR",
    help: "manifests to apply once the cluster is up (repeatable)",
  },
  nodes: { type: "string", value: "N", help: "number of nodes (default 1)" },
  zones: {
    type: "string",
    value: "N",
    help: "zones that the nodes are spread over (default: as many as nodes, at most 3)",
  },
  ...heartbeatOptions,
  ...tolerationOptions,
  ...admissionOptions,
  "proxy-mode": {
    type: "string",
    value: "MODE",
    help: "how Services are forwarded: auto, nftables, iptables, ipvs, ebpf or userspace (default auto)",
  },
  "audit-log": {
    type: "string",
    value: "FILE",
    help: "append a JSON line for each API request (audit.k8s.io/v1, metadata)",
  },
  data: {
    type: "string",
    value: "DIR",
    help: "data folder (default /var/lib/fairlead for root, else ~/.local/share/fairlead)",
  },
  kubeconfig: {
    type: "string",
    value: "FILE",
    help: "kubeconfig to add the context to (default: KUBECONFIG's first file, else ~/.kube/config)",
  },
  "api-port": {
    type: "string",
    value: "PORT",
    help: "port of the API server on 127.0.0.1 (default 6443, or the next one if another fairlead has it)",
  },
  "resolv-conf": {
    type: "string",
    value: "FILE",
    help: "resolvers for names outside the cluster (default /etc/resolv.conf)",
  },
  "container-runtime": {
    type: "string",
    value: "RUNTIME",
    help: "what runs images: process, crun, runc or the socket of containerd, e.g. unix:///run/containerd/containerd.sock (default process); fairlead's own programs are processes in every case",
  },
  "registry-mirror": {
    type: "string",
    multiple: true,
    value: "HOST=URL",
    help: "where images of a registry are pulled from, e.g. docker.io=https://mirror.example (repeatable; default: nowhere)",
  },
  timeout: { type: "string", value: "DURATION", help: "how long it may take until Services answer (default 30s)" },
  "dual-stack": { type: "boolean", help: "Pods and Services with IPv6 addresses beside IPv4 ones" },
  demo: { type: "boolean", help: "apply the example Services and show what to try" },
  detach: { type: "boolean", help: 'return when the cluster is ready; "fairlead down" stops it' },
} as const;

const defaultTimeoutMs = 30_000;

const modes = ["auto", "nftables", "iptables", "ipvs", "ebpf", "userspace"];

/** Modes that not every kernel has. */
const supports: Readonly<Record<string, () => Support>> = { ebpf: probeEbpf, ipvs: probeIpvs };
type Support = ReturnType<typeof probeIpvs>;

function registries(mirrors: readonly string[]): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(mirrors.map(parseMirror));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function containerRuntime(name: string): string {
  const problem = runtimeProblem(name);
  if (problem) throw new CliError(`--container-runtime ${name} cannot be used: ${problem}.`);
  return name;
}

/** containerd is asked before anything is made. */
async function checkContainerd(name: string): Promise<void> {
  const socket = socketOf(name);
  if (socket === undefined) return;
  const refuse = (why: string): never => {
    throw new CliError(`--container-runtime ${name} cannot be used: ${why}.`);
  };
  if (process.getuid?.() !== 0) refuse("containerd makes Pods for root alone: start fairlead as root");
  const { criProblemAt } = await import("../../node/runtime/cri/readiness.ts");
  const problem = await criProblemAt(socket).catch((error: Error) => error.message);
  if (problem !== undefined) refuse(problem);
}

function upOptions(values: Values<typeof options>): UpOptions {
  const dualStack = values["dual-stack"] ?? false;
  if (dualStack && !hasIpv6()) {
    throw new CliError("--dual-stack cannot be used: this kernel runs without IPv6. Leave it out for IPv4 Services.");
  }
  const proxyMode = values["proxy-mode"] ?? "auto";
  if (!modes.includes(proxyMode)) {
    throw new CliError(`--proxy-mode "${proxyMode}" is not supported: choose one of ${modes.join(", ")}.`);
  }
  const support = supports[proxyMode]?.() ?? { ok: true };
  if (!support.ok) throw new CliError(`--proxy-mode ${proxyMode} cannot be used: ${support.reason}.`);
  return {
    manifests: values.filename ?? [],
    nodes: numberOption("nodes", values.nodes, 1, maxNodes) ?? 1,
    zones: numberOption("zones", values.zones, 1, maxNodes),
    nodeGraceMs: durationOption("node-monitor-grace-period", values["node-monitor-grace-period"]),
    tolerations: tolerationSeconds(values),
    enabledAdmission: enabledAdmission(values),
    dualStack,
    proxyMode,
    auditLog: values["audit-log"] && resolve(values["audit-log"]),
    dataDir: dataDirOf(values.data),
    keepData: values.data !== undefined,
    kubeconfig: values.kubeconfig,
    apiPort: numberOption("api-port", values["api-port"], 1, 65535),
    resolvConf: values["resolv-conf"] ?? process.env.FAIRLEAD_RESOLV_CONF ?? "/etc/resolv.conf",
    demo: values.demo ?? false,
    containerRuntime: containerRuntime(values["container-runtime"] ?? "process"),
    timeoutMs: durationOption("timeout", values.timeout) ?? defaultTimeoutMs,
    registries: registries(values["registry-mirror"] ?? []),
  };
}

/** What the process in the background says to the one at the prompt. */
type Report = { readonly text: string } | { readonly done: string } | { readonly failed: string };

/** Nobody may listen any more: then the cluster comes up all the same. */
const report = (message: Report): void => void process.send?.(message, undefined, undefined, () => undefined);

/** Starts this very command in the background and shows what it reports, until it is ready or has failed. */
function detach(args: readonly string[], dataDir: string): Promise<number> {
  makeDataDir(dataDir);
  const log = openSync(join(paths(dataDir).logs, "supervisor.log"), "a", 0o600);
  const [node = "", ...program] = programWords;
  const own = [...program, "up", ...args.filter((arg) => arg !== "--detach")];
  const child = spawn(node, own, {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, FAIRLEAD_DETACHED: "1" },
  });
  return new Promise((resolve, reject) => {
    child.on("message", (message: Report) => {
      if ("text" in message) return void process.stderr.write(message.text);
      if ("failed" in message) return reject(new CliError(message.failed));
      print(message.done);
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.on("exit", (code) => {
      const last = readFileSync(join(paths(dataDir).logs, "supervisor.log"), "utf8")
        .trim()
        .split("\n")
        .at(-1);
      reject(new CliError(`The cluster's process ended with code ${code}: ${last ?? "it said nothing"}`));
    });
  });
}

const background = process.env.FAIRLEAD_DETACHED === "1" && process.send !== undefined;

/** Progress of the process in the background goes to the one at the prompt. */
function progressHere(): Progress {
  if (!background) return createProgress(process.stderr);
  const stream = { isTTY: false, write: (text: string) => report({ text }) };
  return createProgress(stream as unknown as NodeJS.WriteStream);
}

export const command: Command = {
  usage: "[-f FILE|DIR]... [--nodes N] [--proxy-mode MODE] [--data DIR] [--kubeconfig FILE] [--dual-stack] [--detach]",
  summary: "Start a cluster on this machine",
  options,
  examples: [
    ["fairlead up", "a one-node cluster; Ctrl-C stops it"],
    ["fairlead up --detach -f manifests/", "in the background, with what a folder holds"],
    ["fairlead up --nodes 3 --data ./c2 --kubeconfig ./c2.yaml", "a second cluster beside the first"],
  ],
  async run(args) {
    const { values } = parseOptions(args, options);
    const wanted = upOptions(values);
    await checkContainerd(wanted.containerRuntime);
    if (values.detach) return detach(args, wanted.dataDir);
    try {
      return await runUp(wanted, progressHere(), (summary) => {
        if (background) report({ done: summary });
        else
          print(
            `${summary}${wanted.keepData ? "\nCtrl-C stops the cluster.\n" : "\nCtrl-C stops the cluster and removes everything it made.\n"}`,
          );
      });
    } catch (error) {
      if (background) report({ failed: (error as Error).message });
      throw error;
    }
  },
};
