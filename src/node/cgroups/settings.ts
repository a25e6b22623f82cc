/** A container's resources as files of its cgroups (pure). Source: cgroups(7), the kernel's cgroup-v2.rst; core/v1 ResourceRequirements. */
import type { ResourceRequirements } from "kubernetes-types/core/v1";
import { milliValueOf, wholeValueOf } from "../../api/quantity.ts";

export interface ResourceLimits {
  readonly memoryBytes?: number;
  readonly cpuMillis?: number;
  /** What it gets of a busy machine, in proportion. */
  readonly cpuRequestMillis?: number;
}

export type CgroupVersion = 1 | 2;
export const controllers = ["memory", "cpu", "pids"] as const;
export type Controller = (typeof controllers)[number];

export interface CgroupSetting {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
}

const periodUs = 100_000;
/** The kernel takes no less. */
const leastQuotaUs = 1_000;
const leastShares = 2;

const ifAny = (amount: number | undefined): number | undefined =>
  amount !== undefined && amount > 0 ? amount : undefined;

/** Undefined when it asks for nothing that a cgroup could give. */
export function limitsOf({ limits = {}, requests = {} }: ResourceRequirements = {}): ResourceLimits | undefined {
  const memoryBytes = ifAny(wholeValueOf(limits.memory));
  const cpuMillis = ifAny(milliValueOf(limits.cpu));
  const cpuRequestMillis = ifAny(milliValueOf(requests.cpu ?? limits.cpu));
  if (memoryBytes === undefined && cpuMillis === undefined && cpuRequestMillis === undefined) return undefined;
  return {
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(cpuMillis !== undefined && { cpuMillis }),
    ...(cpuRequestMillis !== undefined && { cpuRequestMillis }),
  };
}

const sharesOf = (millis: number): number => Math.max(leastShares, Math.floor((millis * 1024) / 1000));
/** From 2…262144 to 1…10000. */
const weightOf = (shares: number): number => 1 + Math.floor(((shares - leastShares) * 9999) / 262_142);

export function settingsOf(limits: ResourceLimits, version: CgroupVersion): CgroupSetting[] {
  const { memoryBytes, cpuMillis, cpuRequestMillis } = limits;
  const memory = version === 2 ? "memory.max" : "memory.limit_in_bytes";
  const settings: CgroupSetting[] = [];
  if (memoryBytes !== undefined) settings.push({ controller: "memory", file: memory, value: String(memoryBytes) });
  if (memoryBytes !== undefined && version === 2) {
    // One process that is too large takes its whole container with it, as the kubelet has it.
    settings.push({ controller: "memory", file: "memory.oom.group", value: "1" });
  }
  if (cpuMillis !== undefined) {
    const quota = Math.max(leastQuotaUs, (cpuMillis * periodUs) / 1000);
    if (version === 2) settings.push({ controller: "cpu", file: "cpu.max", value: `${quota} ${periodUs}` });
    else settings.push({ controller: "cpu", file: "cpu.cfs_quota_us", value: String(quota) });
  }
  if (cpuRequestMillis !== undefined) {
    const shares = sharesOf(cpuRequestMillis);
    if (version === 2) settings.push({ controller: "cpu", file: "cpu.weight", value: String(weightOf(shares)) });
    else settings.push({ controller: "cpu", file: "cpu.shares", value: String(shares) });
  }
  return settings;
}

/** How often the kernel has ended a process for want of memory, by memory.events or memory.oom_control. */
export function oomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}
