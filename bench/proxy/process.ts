/** What the kernel counts of a process (proc_pid_stat(5), proc_pid_status(5)). */
import { readFileSync } from "node:fs";

/** USER_HZ, which all architectures of Node.js here have. */
const ticks = 100;

/** Seconds of processor time, those of its children that ended included. */
export function cpuSec(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) / ticks;
}

/** Resident memory in MiB, now and at most. */
export function memoryMib(pid: number): { now: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

/** Of the machine, over the last minute. */
export const loadAverage = (): string => readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "?";
