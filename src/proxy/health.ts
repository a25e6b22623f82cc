/** Whether the proxy keeps up, and whether its node may take load-balancer traffic. Pure. */
import type { Node } from "../api/object.ts";

/** KEP-3836: the autoscaler is about to remove the node. */
const deletionTaint = "ToBeDeletedByClusterAutoscaler";

export class Health {
  readonly #maxDelayMs: number;
  #queuedAt: number | undefined;
  #lastUpdated = 0;
  #isEligible = false;

  /** Not healthy when a change has waited for `maxDelayMs`. */
  constructor(maxDelayMs: number) {
    this.#maxDelayMs = maxDelayMs;
  }

  /** A change came in; only the oldest that waits counts. */
  queued(now: number): void {
    this.#queuedAt ??= now;
  }

  updated(now: number): void {
    this.#queuedAt = undefined;
    this.#lastUpdated = now;
  }

  /** Undefined: the Node object is not there. */
  setNode(node: Node | undefined): void {
    const taints = node?.spec?.taints ?? [];
    this.#isEligible =
      node !== undefined && !node.metadata.deletionTimestamp && !taints.some(({ key }) => key === deletionTaint);
  }

  isHealthy(now: number): boolean {
    return this.#queuedAt === undefined || now - this.#queuedAt < this.#maxDelayMs;
  }

  /** The answer of /livez, or with `eligibility` of /healthz. */
  answer(now: number, eligibility: boolean): { status: 200 | 503; body: Readonly<Record<string, unknown>> } {
    const healthy = this.isHealthy(now);
    const ok = healthy && (!eligibility || this.#isEligible);
    const body = {
      lastUpdated: new Date(ok ? now : this.#lastUpdated).toISOString(),
      currentTime: new Date(now).toISOString(),
      ...(eligibility ? { nodeEligible: this.#isEligible } : {}),
      healthy,
    };
    return { status: ok ? 200 : 503, body };
  }
}
