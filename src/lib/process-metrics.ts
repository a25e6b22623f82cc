/** What every component of Kubernetes says of its process. */
import { readdirSync } from "node:fs";
import { heading, sample } from "./metrics-text.ts";

const startSeconds = Date.now() / 1000 - process.uptime();

export function processLines(): string[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const rows: readonly (readonly [name: string, type: "counter" | "gauge", help: string, value: number])[] = [
    ["process_cpu_seconds_total", "counter", "User and system time spent in seconds", (user + system) / 1e6],
    ["process_resident_memory_bytes", "gauge", "Resident memory in bytes", rss],
    ["nodejs_heap_size_used_bytes", "gauge", "Heap in use in bytes", heapUsed],
    ["process_start_time_seconds", "gauge", "When the process began, in seconds since the epoch", startSeconds],
    ["process_open_fds", "gauge", "Open file descriptors", readdirSync("/proc/self/fd").length],
  ];
  return rows.flatMap(([name, type, help, value]) => [...heading(name, type, help), sample(name, "", value)]);
}
