/** The other end of the supervisor's channel: what a process inside the cluster's namespaces says and hears. */
import type dgram from "node:dgram";
import type net from "node:net";
import { settle } from "../program.ts";
import type { FromSupervisor, ToSupervisor } from "./messages.ts";

export function tellSupervisor(message: ToSupervisor): void {
  process.send?.(message);
}

/** With a socket, which is the supervisor's alone from now on. */
export function handToSupervisor(message: ToSupervisor, socket: net.Socket | dgram.Socket): void {
  process.send?.(message, socket, {}, () => {
    if (!("destroy" in socket)) socket.close();
  });
}

export function onSupervisorMessage(listener: (message: FromSupervisor) => void): void {
  process.on("message", (message) => listener(message as FromSupervisor));
}

/** Runs the process's work; what it throws before it is ready reaches the person at the prompt as one sentence. */
export async function insideCluster(work: (signal: AbortSignal) => Promise<void>): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  try {
    // What this process loads, it loads while the supervisor still makes certificates.
    await new Promise<void>((resolve) => onSupervisorMessage(({ type }) => type === "start" && resolve()));
    await work(stop.signal);
    tellSupervisor({ type: "ready" });
    settle();
  } catch (error) {
    tellSupervisor({ type: "failed", message: (error as Error).message });
    throw error;
  }
  await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve(), { once: true }));
  return 0;
}
