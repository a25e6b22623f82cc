/**
 * Shares the server's attention among its clients: each has seats and a queue of its own, and whoever used the least of
 * the server's time goes first. Source: the idea of Kubernetes' "API Priority and Fairness", with one level for all.
 */
import { tooManyRequests } from "../../api/status.ts";
import type { Clock } from "../../lib/clock.ts";

export interface FlowLimits {
  /** Seats taken at the same time by all requests; a request takes one or more. */
  readonly seats: number;
  /** The most seats of one client. */
  readonly seatsPerFlow: number;
  /** Requests of one client that may wait; more are refused with 429. */
  readonly queuePerFlow: number;
  readonly maxWaitMs: number;
}

export const defaultLimits: FlowLimits = { seats: 256, seatsPerFlow: 64, queuePerFlow: 1000, maxWaitMs: 15_000 };

interface Waiting {
  readonly width: number;
  start(): void;
}

interface Flow {
  /** Seat-milliseconds: what decides whose turn it is. */
  used: number;
  seats: number;
  readonly queue: Set<Waiting>;
}

export interface SeatRequest {
  /** Whose request it is. */
  readonly flow: string;
  /** How many seats it takes: large lists take more. */
  readonly width: number;
  /** Calls back when the client is gone; what it returns takes that back. */
  readonly onGone: (callback: () => void) => () => void;
}

/** Everything costs at least this, so that clients of very quick requests take turns too. */
const leastCostMs = 1;
const retryAfterSeconds = 1;

export class FlowControl {
  readonly #limits: FlowLimits;
  readonly #clock: Clock;
  readonly #flows = new Map<string, Flow>();
  #taken = 0;
  #waiting = 0;
  /** The least used flow's account: where a flow starts that was away. */
  #virtual = 0;

  constructor(clock: Clock, limits: FlowLimits = defaultLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get gauges(): Readonly<Record<string, number>> {
    return { apiserver_flowcontrol_seats_in_use: this.#taken, apiserver_flowcontrol_requests_waiting: this.#waiting };
  }

  /** Runs `work` when it is the flow's turn. Throws ApiFault (429) when too many wait already, or for too long. */
  async run<T>(request: SeatRequest, work: () => Promise<T>): Promise<T> {
    const flow = this.#flowOf(request.flow);
    const width = Math.min(request.width, this.#limits.seatsPerFlow);
    if (flow.queue.size === 0 && this.#waiting === 0 && this.#fits(flow, width)) this.#take(flow, width);
    else if (flow.queue.size >= this.#limits.queuePerFlow) throw this.#refusal();
    else await this.#wait(request, flow, width);
    const begunMs = this.#clock.now();
    try {
      return await work();
    } finally {
      this.#release(request.flow, flow, width, begunMs);
    }
  }

  #flowOf(name: string): Flow {
    const known = this.#flows.get(name);
    if (known) return known;
    const flow = { used: this.#virtual, seats: 0, queue: new Set<Waiting>() };
    this.#flows.set(name, flow);
    return flow;
  }

  #fits(flow: Flow, width: number): boolean {
    return this.#taken + width <= this.#limits.seats && flow.seats + width <= this.#limits.seatsPerFlow;
  }

  #take(flow: Flow, width: number): void {
    flow.seats += width;
    flow.used += width * leastCostMs;
    this.#taken += width;
  }

  #release(name: string, flow: Flow, width: number, begunMs: number): void {
    flow.seats -= width;
    this.#taken -= width;
    flow.used += width * Math.max(0, this.#clock.now() - begunMs - leastCostMs);
    this.#forgetIdle(name, flow);
    this.#dispatch();
  }

  #forgetIdle(name: string, flow: Flow): void {
    if (flow.seats === 0 && flow.queue.size === 0) this.#flows.delete(name);
  }

  #wait({ flow: name, onGone }: SeatRequest, flow: Flow, width: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      flow.queue.delete(waiting);
      this.#waiting -= 1;
      cancel();
      stay();
    };
    const give = (): void => {
      leave();
      this.#forgetIdle(name, flow);
      reject(this.#refusal());
    };
    const waiting: Waiting = {
      width,
      start: () => {
        leave();
        this.#take(flow, width);
        resolve();
      },
    };
    const cancel = this.#clock.after(this.#limits.maxWaitMs, give);
    const stay = onGone(give);
    flow.queue.add(waiting);
    this.#waiting += 1;
    this.#dispatch();
    return promise;
  }

  /** Starts what can start: of the flows that may go on, the one that used the least. */
  #dispatch(): void {
    while (this.#waiting > 0) {
      const next = this.#next();
      if (!next) return;
      this.#virtual = Math.max(this.#virtual, next.flow.used);
      next.waiting.start();
    }
  }

  #next(): { flow: Flow; waiting: Waiting } | undefined {
    let best: { flow: Flow; waiting: Waiting } | undefined;
    for (const flow of this.#flows.values()) {
      const [waiting] = flow.queue;
      if (!waiting || !this.#fits(flow, waiting.width)) continue;
      if (!best || flow.used < best.flow.used) best = { flow, waiting };
    }
    return best;
  }

  #refusal(): Error {
    return tooManyRequests("too many requests, please try again later", retryAfterSeconds);
  }
}
