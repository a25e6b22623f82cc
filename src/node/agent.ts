/** The node agent: kubelet's role. Everything it knows of the cluster comes from the API, everything it knows of itself from `AgentConfig`. */
import type { ApiClient } from "../client/client.ts";
import type { Log } from "../lib/log.ts";
import type { AgentConfig } from "./agent-config.ts";

export interface Agent {
  /** Resolves when leftovers are gone, the network stands and the Node is registered. */
  readonly ready: Promise<void>;
  /** Resolves after `signal` aborted and everything is closed; containers go on running, to be adopted by the next agent. */
  readonly done: Promise<void>;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs the agent in this process, which must live in the node's network namespace. */
export function startAgent(options: AgentOptions): Agent {
  throw new Error(`Cannot start the agent of ${options.config.nodeName}: it is being built`);
}
