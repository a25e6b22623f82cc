/** What containerd keeps of a container or sandbox for the agent: whose it is, and what the next agent must know of it (pure). */
import type { ContainerInfo, ContainerSpec, ContainerState } from "../container-runtime.ts";
import { containerStates, type methods } from "./messages.ts";
import type { Message, Out } from "./protobuf.ts";

export interface Owner {
  readonly cluster: string;
  readonly node: string;
}

const recordAnnotation = "fairlead.dev/container";

/** Every list asks for them: what others have in the same containerd is not touched. */
export const ownerLabels = ({ cluster, node }: Owner): Readonly<Record<string, string>> => ({
  "fairlead.dev/cluster": cluster,
  "fairlead.dev/node": node,
});

/** As a kubelet has them: tools show Pods by these. */
export const podLabels = ({
  podUid,
  pod,
}: Pick<ContainerSpec, "podUid" | "pod">): Readonly<Record<string, string>> => ({
  "io.kubernetes.pod.uid": podUid,
  "io.kubernetes.pod.name": pod?.name ?? podUid,
  "io.kubernetes.pod.namespace": pod?.namespace ?? "default",
});

export type CriRecord = Omit<ContainerInfo, "state" | "env">;

export function recordAnnotations(spec: ContainerSpec): Readonly<Record<string, string>> {
  const { id, handler, podUid, name, attempt, image, imageId, stopSignal, input, tty, logFile } = spec;
  const record: CriRecord = {
    ...{ id, podUid, name, attempt, image, imageId, logFile },
    ...(handler !== undefined && { handler }),
    ...(stopSignal && { stopSignal }),
    ...(input && { input }),
    ...(tty && { tty }),
  };
  return { [recordAnnotation]: JSON.stringify(record) };
}

/** Undefined for one that has none: it was not made by an agent. */
export function recordOf({ annotations }: { annotations: Readonly<Record<string, string>> }): CriRecord | undefined {
  try {
    return JSON.parse(annotations[recordAnnotation] ?? "") as CriRecord;
  } catch {
    return undefined;
  }
}

type StatusOf<M> = M extends { answer: Message<infer A> } ? NonNullable<Out<A>[keyof Out<A> & "status"]> : never;
export type CriStatus = StatusOf<typeof methods.containerStatus>;

const ms = (ns: number): number => Math.round(ns / 1e6);
const lostExitCode = 137;

export function stateOf({ state, startedAt, finishedAt, exitCode, reason, message }: CriStatus): ContainerState {
  const kind = containerStates[state];
  if (kind === "created") return { kind: "starting" };
  if (kind === "running") return { kind: "running", startedAtMs: ms(startedAt) };
  const finishedAtMs = finishedAt > 0 ? ms(finishedAt) : Date.now();
  if (startedAt === 0) return { kind: "exited", finishedAtMs, exitCode, error: message || "it could not be started" };
  // containerd notes a start once it is done: the end of a short container is noted before it.
  const ended = { kind: "exited", startedAtMs: Math.min(ms(startedAt), finishedAtMs), finishedAtMs } as const;
  if (kind !== "exited") return { ...ended, exitCode: lostExitCode, error: message || "containerd lost sight of it" };
  return { ...ended, exitCode, ...(reason === "OOMKilled" && { oomKilled: true }) };
}
