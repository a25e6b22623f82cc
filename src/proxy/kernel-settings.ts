/** Kernel settings that the proxy sets once, at its start: connection tracking's, as kube-proxy has them, and its own oom_score_adj. */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { mayLimitFlows, raiseFlowTable } from "../kernel/conntrack/limits.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import type { Log } from "../lib/log.ts";
import type { ConntrackConfig, ProxyConfig } from "./config/effective.ts";

/** More would cost hundreds of megabytes. */
const maxFlows = 1_048_576;
/** As the kernel's own default. */
const flowsPerBucket = 4;

/** `[name, value]` of each setting that is to hold; those of the machine only where it may be set from here. Pure. */
export function conntrackSettings(
  config: ConntrackConfig,
  { cpus, mayLimit }: { cpus: number; mayLimit: boolean },
): [string, number][] {
  const { maxPerCore, min, tcpBeLiberal } = config;
  const limit = Math.min(maxFlows, Math.max(min, maxPerCore * cpus));
  const timeouts: [string, number][] = [
    ["tcp_timeout_established", config.tcpEstablishedTimeoutMs],
    ["tcp_timeout_close_wait", config.tcpCloseWaitTimeoutMs],
    ["udp_timeout", config.udpTimeoutMs],
    ["udp_timeout_stream", config.udpStreamTimeoutMs],
  ];
  const found: [string, number][] = [
    ...(mayLimit && maxPerCore > 0 ? [["max", limit] as [string, number]] : []),
    ...timeouts.filter(([, ms]) => ms > 0).map(([name, ms]): [string, number] => [name, Math.ceil(ms / 1000)]),
    ...(tcpBeLiberal ? [["tcp_be_liberal", 1] as [string, number]] : []),
  ];
  return found.map(([name, value]) => [`net.netfilter.nf_conntrack_${name}`, value]);
}

/** Sets what differs. What may not be set is told in the log: Services work all the same. Connection tracking must be loaded. */
export function applyKernelSettings({ conntrack, oomScoreAdj }: ProxyConfig, log: Log): void {
  const settings = conntrackSettings(conntrack, { cpus: availableParallelism(), mayLimit: mayLimitFlows() });
  for (const [setting, value] of settings) {
    attempt(log, setting, () => {
      // Settings of connection tracking are not to be seen in a user namespace.
      if (readSysctl(setting) === undefined) return;
      writeSysctl(setting, value);
      if (setting.endsWith("_max")) raiseFlowTable(value / flowsPerBucket);
    });
  }
  try {
    writeFileSync("/proc/self/oom_score_adj", String(oomScoreAdj));
  } catch (error) {
    log.debug("oom_score_adj stays as it is", { oomScoreAdj, error });
  }
}

function attempt(log: Log, setting: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    log.warn("cannot set a kernel setting: set it on the node, or give the proxy the right to", { setting, error });
  }
}
