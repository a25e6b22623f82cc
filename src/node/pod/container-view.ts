/** What the agent knows of one container of a Pod: the input of status and plan. */
import type { ContainerState as ApiState, Container, PodSpec } from "kubernetes-types/core/v1";
import type { ContainerState } from "../runtime/container-runtime.ts";

/** A sidecar is an init container with restartPolicy Always. */
export type ContainerRole = "init" | "sidecar" | "app" | "ephemeral";

export interface Instance {
  readonly id: string;
  readonly handler?: string;
  /** By which the tools of what runs it know it. */
  readonly foreignId?: string;
  readonly attempt: number;
  readonly imageId: string;
  readonly state: ContainerState;
  /** Its termination message. */
  readonly message?: string | undefined;
}

export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly role: ContainerRole;
  /** The container's own; undefined: the Pod's. */
  readonly restartPolicy?: string | undefined;
  /** The latest start, running or not. */
  readonly current?: Instance;
  /** How the start before ended, for lastState. */
  readonly last?: ApiState;
  /** Why there is no running container now, e.g. { reason: "ImagePullBackOff" }. */
  readonly waiting?: { readonly reason: string; readonly message?: string };
  /** The readiness probe's word (true when there is none). */
  readonly ready: boolean;
  /** The startup probe's word (true when there is none). */
  readonly started: boolean;
  /** It is ended, or has been, because the Pod's image for it is another by now. */
  readonly replacing?: boolean;
}

export interface RoledContainer {
  readonly role: ContainerRole;
  readonly container: Container;
}

/** Init containers and sidecars first, ephemeral ones last, each group in the Pod's order. */
export function containersOf({ initContainers = [], containers, ephemeralContainers = [] }: PodSpec): RoledContainer[] {
  return [
    ...initContainers.map((container) => ({ role: sidecarOrInit(container), container })),
    ...containers.map((container) => ({ role: "app" as const, container })),
    ...ephemeralContainers.map((container) => ({ role: "ephemeral" as const, container })),
  ];
}

function sidecarOrInit(container: Container): ContainerRole {
  return container.restartPolicy === "Always" ? "sidecar" : "init";
}
