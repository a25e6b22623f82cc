/** What all Pods of a node share. */
import type { Service } from "../../api/object.ts";
import type { ApiClient, Informer } from "../../client/client.ts";
import type { EventRecorder } from "../../client/events.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { AgentConfig } from "../agent-config.ts";
import type { ImageCatalog } from "../images/catalog.ts";
import type { PodNetwork } from "../network/pod-network.ts";
import type { ContainerRuntime } from "../runtime/container-runtime.ts";
import type { PodIpc } from "../sandbox/pod-ipc.ts";
import type { PodNamespaces } from "../sandbox/port.ts";
import type { ConfigWatches } from "./config-watches.ts";
import type { Handlers } from "./runtime-handler.ts";
import type { Abilities } from "./unsupported.ts";

export interface PodContext {
  readonly config: AgentConfig;
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly images: ImageCatalog;
  readonly network: PodNetwork;
  readonly ipc: PodIpc;
  readonly services: Informer<Service>;
  readonly configWatches: ConfigWatches;
  readonly abilities: Abilities;
  readonly handlers: Handlers;
  /** Settings of these namespaces, by their paths below /proc/sys; throws when the kernel refuses. */
  readonly setSysctls: (namespaces: PodNamespaces, settings: ReadonlyMap<string, string>) => void;
  /** A file system in memory of so many bytes at the directory, unless it is there. */
  readonly mountMemory: (directory: string, bytes: number) => void;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Of the node, e.g. { cpu: "4", memory: "16Gi" }. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** In memory and on disk; a Pod has a directory named by its uid in each. */
  readonly directories: { readonly memory: string; readonly disk: string };
  /** False in a user namespace where only user 0 exists. */
  readonly otherUsers: boolean;
}
