/** What every verb works with. */
import type { Kind } from "../api/kind.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import type { DynamicAdmission } from "./admission/dynamic/gates.ts";
import type { TolerationSeconds } from "./admission/pod-tolerations.ts";
import type { WriteHook } from "./admission/write-hook.ts";
import type { Tokens } from "./authentication/tokens.ts";
import type { Authorizer } from "./authorization/authorizer.ts";
import type { FlowLimits } from "./fairness/flow-control.ts";
import type { Credential } from "./pki.ts";
import type { Webhooks } from "./webhook-client.ts";

export interface ServerConfig {
  /** The Service range, e.g. "10.96.0.0/16"; a second family's range after a comma. */
  readonly serviceCidr: string;
  readonly nodePortRange: { readonly from: number; readonly to: number };
  /** How long events are kept; default 1 h. */
  readonly eventTtlMs?: number;
  /** How often watchers that want bookmarks get one; default about a minute. */
  readonly bookmarkIntervalMs?: number;
  /** Who signs service accounts' tokens, as the tokens say; default "https://kubernetes.default.svc.cluster.local". */
  readonly issuer?: string;
  /** A file that gets one line for each request; default: none. */
  readonly auditLog?: string;
  /** How many requests are worked on at a time, in all and for each client. */
  readonly flowLimits?: FlowLimits;
  /** How long Pods that do not say stay on a Node that is not ready or unreachable; default 300 each. */
  readonly tolerationSeconds?: TolerationSeconds;
  /** Admission that is left out: "ServiceAccount", for a server beside which nobody makes the account "default". */
  readonly disabledAdmission?: readonly string[];
  /** Admission that is off by default: "DenyServiceExternalIPs". */
  readonly enabledAdmission?: readonly string[];
}

/** How the API server reaches the nodes' agents. */
interface NodeCredentials {
  readonly ca: string;
  readonly client: Credential;
}

export interface ServerContext {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  /** The kind served at group, version and plural. */
  readonly kindOf: (group: string, version: string, plural: string) => Kind | undefined;
  readonly config: ServerConfig;
  readonly log: Log;
  readonly clock: Clock;
  /** What else a write of a kind does, by plural name, e.g. "services": allocation. */
  readonly hooks: ReadonlyMap<string, WriteHook>;
  /** Webhooks and policies that were configured in the API. */
  readonly admission: DynamicAdmission;
  readonly webhooks: Webhooks;
  readonly nodes: NodeCredentials;
  readonly authorizer: Authorizer;
  readonly tokens: Tokens;
  /** Ends all watches and followed logs when the server closes. */
  readonly closing: AbortSignal;
}
