/** One of several processes is the leader: the holder of a Lease (coordination.k8s.io/v1, the fields as client-go uses them). */
import type { Lease } from "../api/object.ts";
import { leases } from "../api/resource.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";
import { type ApiClient, isAlreadyExists, isConflict, isNotFound } from "./client.ts";

export interface LeaderElectionOptions {
  readonly name: string;
  readonly namespace: string;
  /** Of this process, unique, e.g. "node-1_7f3a". */
  readonly identity: string;
  readonly log: Log;
  /** Ends the candidacy; a lease that is held is given up. */
  readonly signal: AbortSignal;
  /** Called with a signal that aborts when the lease is lost; the process is a candidate again when it settles. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly clock?: Clock;
  /** A lease that was not renewed for so long may be taken; default 15 s. */
  readonly leaseDurationMs?: number;
  /** Default 2 s. */
  readonly retryMs?: number;
}

type Decision = { readonly kind: "write"; readonly lease: Lease } | { readonly kind: "wait"; readonly holder: string };

/** What another holder's lease looked like, and when we (by our own clock) first saw it so. */
interface Observation {
  readonly renewTime: string;
  readonly holder: string;
  readonly atMs: number;
}

const micro = (ms: number): string => new Date(ms).toISOString().replace("Z", "000Z");

/** Takes or renews the lease if it is ours, free or expired. Clocks of machines differ, so expiry counts from when we saw it. */
function decide(
  lease: Lease,
  {
    identity,
    nowMs,
    leaseDurationMs,
    seen,
  }: { identity: string; nowMs: number; leaseDurationMs: number; seen: Observation },
): Decision {
  const { holderIdentity = "", leaseTransitions = 0, acquireTime } = lease.spec ?? {};
  const ours = holderIdentity === identity;
  const expired = nowMs >= seen.atMs + (lease.spec?.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
  if (!ours && holderIdentity && !expired) return { kind: "wait", holder: holderIdentity };
  return {
    kind: "write",
    lease: {
      ...lease,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
        renewTime: micro(nowMs),
        acquireTime: ours && acquireTime ? acquireTime : micro(nowMs),
        leaseTransitions: ours || !holderIdentity ? leaseTransitions : leaseTransitions + 1,
      },
    },
  };
}

/** Resolves when `signal` aborts. Never throws: failures are logged, and the lease counts as lost once its duration is over. */
export async function runLeaderElection(client: ApiClient, options: LeaderElectionOptions): Promise<void> {
  const { signal, clock = systemClock, retryMs = 2_000 } = options;
  const candidate = new Candidate(client, options);
  while (!signal.aborted) {
    if (await candidate.tryHold()) await candidate.leadOnce();
    await sleep(retryMs, { clock, signal });
  }
}

class Candidate {
  readonly #client: ApiClient;
  readonly #options: LeaderElectionOptions;
  readonly #clock: Clock;
  #seen: Observation = { renewTime: "", holder: "", atMs: Number.NEGATIVE_INFINITY };
  #heldAtMs = Number.NEGATIVE_INFINITY;

  constructor(client: ApiClient, options: LeaderElectionOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** True: the lease is ours now. */
  async tryHold(): Promise<boolean> {
    const { identity, leaseDurationMs = 15_000, log } = this.#options;
    try {
      const lease = await this.#read();
      const nowMs = this.#clock.now();
      const { renewTime = "", holderIdentity: holder = "" } = lease.spec ?? {};
      if (renewTime !== this.#seen.renewTime || holder !== this.#seen.holder) {
        this.#seen = { renewTime, holder, atMs: nowMs };
      }
      const decision = decide(lease, { identity, nowMs, leaseDurationMs, seen: this.#seen });
      if (decision.kind === "wait") return false;
      await this.#write(decision.lease);
      this.#heldAtMs = nowMs;
      return true;
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) log.warn("cannot renew lease", { error });
      return false;
    }
  }

  /** Leads until the lease is lost, the work ends or the candidacy does. */
  async leadOnce(): Promise<void> {
    const { signal, lead, leaseDurationMs = 15_000, retryMs = 2_000, log, identity } = this.#options;
    log.info("became leader", { identity });
    const lost = new AbortController();
    const term = AbortSignal.any([signal, lost.signal]);
    const work = lead(term)
      .catch((error) => log.error("leader's work failed", { error }))
      .finally(() => lost.abort());
    while (!term.aborted) {
      await sleep(retryMs, { clock: this.#clock, signal: term });
      if (term.aborted || (await this.tryHold())) continue;
      // A little before others may take it, so that there are never two leaders.
      if (this.#clock.now() - this.#heldAtMs >= leaseDurationMs * (2 / 3)) {
        log.warn("lost the lease", { identity });
        lost.abort();
      }
    }
    await work;
    await this.#release();
  }

  async #release(): Promise<void> {
    const { identity, log } = this.#options;
    try {
      const lease = await this.#read();
      if (lease.spec?.holderIdentity !== identity) return;
      await this.#write({ ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 } });
    } catch (error) {
      log.debug("cannot give up the lease", { error });
    }
  }

  async #read(): Promise<Lease> {
    const { name, namespace } = this.#options;
    try {
      return await this.#client.get(leases, name, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace } };
    }
  }

  async #write(lease: Lease): Promise<void> {
    if (lease.metadata.resourceVersion) await this.#client.update(leases, lease);
    else await this.#client.create(leases, lease);
  }
}
