import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Log } from "../../lib/log.ts";
import { chooseDataPlane } from "../../proxy/backends/choose.ts";
import { type ConfigField, configFields, defaultConfig, ipvsOptionsOf, type ProxyConfig } from "../../proxy/config.ts";
import { startProxy } from "../../proxy/proxy.ts";
import type { Command } from "../command.ts";
import { parseDurationMs } from "../duration.ts";
import { CliError, errorCode, UsageError } from "../errors.ts";
import { type Option, type Options, parseOptions } from "../options.ts";
import { aborted, connect, logOf, partOptions, stopSignal } from "../part.ts";
import { settle } from "../program.ts";

/** Flags of the configuration's fields, from the proxy's own table. */
const fieldOptions: Options = Object.fromEntries(
  configFields.map(({ flag, kind, help }): [string, Option] => [
    flag,
    kind === "boolean"
      ? { type: "string", value: "true|false", help }
      : { type: "string", value: valueName(kind), help },
  ]),
);

const options = {
  ...partOptions,
  config: { type: "string", value: "FILE", help: "KubeProxyConfiguration (YAML); flags win over it" },
  cleanup: { type: "boolean", help: "take away the rules of the mode (without --proxy-mode: of every mode) and end" },
  "node-name": { type: "string", value: "NAME", help: "name of this machine's Node (default: its host name)" },
  "proxy-mode": {
    type: "string",
    value: "MODE",
    help: "auto, nftables, iptables, ipvs, ebpf or userspace (default auto)",
  },
} as const;

const modes = ["auto", "nftables", "iptables", "ipvs", "ebpf", "userspace"];

function valueName(kind: ConfigField["kind"]): string {
  return { list: "A,B,…", boolean: "", number: "N", address: "ADDRESS:PORT", durationMs: "DURATION", name: "NAME" }[
    kind
  ];
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false };

/** The value of one field from its text, or undefined if it is none of its kind. */
function parseField(kind: ConfigField["kind"], text: string): unknown {
  if (kind === "list")
    return text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
  if (kind === "boolean") return booleans[text];
  if (kind === "number") return /^\d+$/.test(text) ? Number(text) : undefined;
  if (kind === "durationMs") return parseDurationMs(text);
  return text;
}

const setField = (config: Record<string, unknown>, { key, kind }: ConfigField, text: string, source: string): void => {
  const value = parseField(kind, text);
  if (value === undefined)
    throw new UsageError(`${source} "${text}" is not a ${kind === "durationMs" ? "duration such as 30s" : kind}`);
  config[key] = value;
};

/** Where KubeProxyConfiguration nests or names a field otherwise. */
const aliases: Readonly<Record<string, string>> = {
  "iptables.localhostNodePorts": "localhostNodePorts",
  "iptables.masqueradeBit": "masqueradeBit",
  "nftables.masqueradeBit": "masqueradeBit",
  "iptables.masqueradeAll": "masqueradeAll",
  "nftables.masqueradeAll": "masqueradeAll",
  "nftables.syncPeriod": "syncPeriodMs",
  "nftables.minSyncPeriod": "minSyncPeriodMs",
  "ipvs.scheduler": "ipvsScheduler",
  "ipvs.excludeCIDRs": "ipvsExcludeCIDRs",
  "ipvs.strictARP": "ipvsStrictARP",
  "ipvs.tcpTimeout": "ipvsTcpTimeoutMs",
  "ipvs.tcpFinTimeout": "ipvsTcpFinTimeoutMs",
  "ipvs.udpTimeout": "ipvsUdpTimeoutMs",
};

function flatten(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? flatten(inner, `${prefix}${key}.`)
      : [[prefix + key, inner]],
  );
}

/** Fields of the file that this proxy has; others (of other modes, or of clients) are left to those who read them. */
async function readConfigFile(path: string): Promise<{ config: Record<string, unknown>; mode?: string }> {
  const { parse } = await import("../../lib/yaml.ts");
  let document: unknown;
  try {
    document = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CliError(
      `Cannot read the configuration "${path}" (${errorCode(error) ?? (error as Error).message.split("\n")[0]}).`,
    );
  }
  if (document === null || typeof document !== "object")
    throw new CliError(`Cannot use the configuration "${path}": it is no KubeProxyConfiguration.`);
  const config: Record<string, unknown> = {};
  const found: { mode?: string } = {};
  for (const [name, value] of flatten(document)) {
    if (name === "mode" && typeof value === "string" && value !== "") found.mode = value;
    const field = configFields.find(({ key }) => key === (aliases[name] ?? name));
    if (field && value !== null && value !== "") setField(config, field, String(value), `${name} in "${path}":`);
  }
  return { config, ...found };
}

/** A mode that cannot run here has left no rules either. */
async function cleanUp(names: readonly string[], log: Log): Promise<number> {
  for (const name of names) {
    try {
      const plane = await chooseDataPlane(name, log);
      await plane.adopt();
      await plane.remove();
      plane.close();
      log.info("rules are taken away", { mode: name });
    } catch (error) {
      if (names.length === 1) throw error;
      log.debug("mode has no rules here", { mode: name, error });
    }
  }
  return 0;
}

export const command: Command = {
  usage: "[--kubeconfig FILE] [--config FILE] [--proxy-mode MODE]",
  summary: "Forward a cluster's Services on this node (in kube-proxy's place)",
  options: { ...options, ...fieldOptions },
  examples: [
    [
      "fairlead proxy --kubeconfig /var/lib/kube-proxy/kubeconfig --cluster-cidr 10.244.0.0/16",
      "on a node of any cluster, as root",
    ],
  ],
  async run(args) {
    const { values } = parseOptions(args, { ...options, ...fieldOptions });
    const log = logOf(values).child({ component: "proxy" });
    const signal = stopSignal();
    const file = values.config ? await readConfigFile(values.config) : { config: {} };
    const config = { ...file.config };
    for (const field of configFields) {
      const text = (values as Record<string, unknown>)[field.flag];
      if (typeof text === "string") setField(config, field, text, `--${field.flag}`);
    }
    const mode = values["proxy-mode"] ?? file.mode ?? "auto";
    if (!modes.includes(mode))
      throw new CliError(`Proxy mode "${mode}" is not supported: choose one of ${modes.join(", ")}.`);
    if (values.cleanup) return cleanUp(values["proxy-mode"] ? [mode] : modes.filter((one) => one !== "auto"), log);
    const client = await connect(values, "fairlead-proxy", log, signal);
    const nodeName = values["node-name"] ?? hostname().toLowerCase();
    const given = config as Partial<ProxyConfig>;
    const dataPlane = await chooseDataPlane(mode, log, ipvsOptionsOf({ ...defaultConfig, ...given }));
    await startProxy({ client, nodeName, dataPlane, config: given, log, signal }).ready;
    settle();
    await aborted(signal);
    return 0;
  },
};
