/** Whether the proxy keeps up, and whether its node may take load-balancer traffic. Pure. */
import type { Node } from "../api/object.ts";
import type { IpFamily } from "../net/ip.ts";

/** KEP-3836: the autoscaler is about to remove the node. */
const deletionTaint = "ToBeDeletedByClusterAutoscaler";

interface FamilyState {
  /** When the oldest change that is not written came. */
  queuedAt: number | undefined;
  lastUpdated: number;
}

type Answer = { readonly status: 200 | 503; readonly body: Readonly<Record<string, unknown>> };

export class Health {
  readonly #maxDelayMs: number;
  readonly #families: ReadonlyMap<IpFamily, FamilyState>;
  #isEligible = false;

  /** A family is not healthy when a change has waited for `maxDelayMs`; the whole is when all families are. */
  constructor(maxDelayMs: number, families: readonly IpFamily[] = ["IPv4"]) {
    this.#maxDelayMs = maxDelayMs;
    this.#families = new Map(families.map((family) => [family, { queuedAt: undefined, lastUpdated: 0 }]));
  }

  /** A change came in; only the oldest that waits counts. `now` here and below is of a clock that nobody sets. */
  queued(now: number): void {
    for (const state of this.#families.values()) state.queuedAt ??= now;
  }

  updated(date: number, family: IpFamily): void {
    const state = this.#families.get(family);
    if (state) Object.assign(state, { queuedAt: undefined, lastUpdated: date });
  }

  /** Undefined: the Node object is not there. */
  setNode(node: Node | undefined): void {
    const taints = node?.spec?.taints ?? [];
    this.#isEligible =
      node !== undefined && !node.metadata.deletionTimestamp && !taints.some(({ key }) => key === deletionTaint);
  }

  isHealthy(now: number): boolean {
    return [...this.#families.values()].every((state) => this.#isPunctual(state, now));
  }

  #isPunctual({ queuedAt }: FamilyState, now: number): boolean {
    return queuedAt === undefined || now - queuedAt < this.#maxDelayMs;
  }

  /** Everything that was there at the start is written, in each family. */
  get isSynced(): boolean {
    return [...this.#families.values()].every(({ lastUpdated }) => lastUpdated > 0);
  }

  /** The answer of /livez, or with `eligibility` of /healthz; `date` is what it shows as the time. */
  answer(now: number, eligibility: boolean, date = now): Answer {
    const healthy = this.isHealthy(now);
    const ok = healthy && (!eligibility || this.#isEligible);
    const states = [...this.#families].map(([family, state]): [string, object] => [
      family,
      { lastUpdated: timestamp(state.lastUpdated), healthy: this.#isPunctual(state, now) },
    ]);
    const last = Math.max(...[...this.#families.values()].map(({ lastUpdated }) => lastUpdated));
    const body = {
      lastUpdated: timestamp(ok ? date : last),
      currentTime: timestamp(date),
      ...(eligibility ? { nodeEligible: this.#isEligible } : {}),
      healthy,
      status: Object.fromEntries(states),
    };
    return { status: ok ? 200 : 503, body };
  }

  /** The answer of /readyz. */
  readiness(): Answer {
    return { status: this.isSynced ? 200 : 503, body: { synced: this.isSynced } };
  }
}

const timestamp = (ms: number): string => new Date(ms).toISOString();
