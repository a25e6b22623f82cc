/** Asks other servers, with a cache in front; equal questions at one time are asked once. */
import { randomInt } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { type Body, faultBody } from "../body.ts";
import { AnswerCache, type CacheHit, questionKey } from "../cache/cache.ts";
import { CD, CLASS_IN, HEADER_SIZE, OPT_SIZE, RCODE, RD, TYPE } from "../wire/constants.ts";
import { type Question, type Response, readResponse } from "./response.ts";
import type { Upstream } from "./upstream.ts";

export interface ForwarderOptions {
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly log: Log;
  readonly attemptTimeoutMs?: number;
  readonly totalTimeoutMs?: number;
  readonly maxInFlight?: number;
}

/** Askers of all questions in flight; many may wait for the answer to one. */
const maxWaiting = 10_000;
/** Figures of CoreDNS's forward plugin; the limit is the stock configuration's. */
const defaults = { attemptTimeoutMs: 2_000, totalTimeoutMs: 5_000, maxInFlight: 1_000 } as const;
/** A server that failed is asked last for this time. */
const avoidMs = 5_000;
/** Even a single server is asked again: a datagram may be lost. */
const minAttempts = 2;
/** Passes every path without fragments (DNS flag day 2020). */
const ednsSize = 1232;

export class Forwarder {
  readonly cache: AnswerCache;
  /** Questions beyond the limit, refused. */
  rejected = 0;
  failures = 0;
  readonly #options: ForwarderOptions & typeof defaults;
  readonly #inFlight = new Map<string, Promise<Response>>();
  #waiting = 0;
  readonly #avoidUntil = new Map<Upstream, number>();

  constructor(options: ForwarderOptions) {
    this.#options = { ...defaults, ...options } as ForwarderOptions & typeof defaults;
    this.cache = new AnswerCache(options.clock);
  }

  /** True if there is anyone to ask. */
  get enabled(): boolean {
    return this.#options.upstreams.length > 0;
  }

  /** Never rejects: without an answer the body is SERVFAIL, beyond the limit or with nobody to ask REFUSED. */
  async resolve(question: Question): Promise<CacheHit> {
    if (!this.enabled) return { body: refused, ageSec: 0 };
    const hit = this.cache.get(question);
    if (hit) return hit;
    const key = questionKey(question);
    const pending = this.#inFlight.get(key);
    if (this.#waiting >= maxWaiting || (!pending && this.#inFlight.size >= this.#options.maxInFlight)) {
      this.rejected++;
      return { body: refused, ageSec: 0 };
    }
    this.#waiting++;
    try {
      return { body: (await (pending ?? this.#begin(key, question))).body, ageSec: 0 };
    } finally {
      this.#waiting--;
    }
  }

  #begin(key: string, question: Question): Promise<Response> {
    const pending = this.#ask(question).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, pending);
    return pending;
  }

  async #ask(question: Question): Promise<Response> {
    const { clock, log, totalTimeoutMs } = this.#options;
    const deadline = clock.now() + totalTimeoutMs;
    const query = encodeQuestion(question);
    const order = this.#order();
    for (let attempt = 0; attempt < Math.max(order.length, minAttempts) && clock.now() < deadline; attempt++) {
      const upstream = order[attempt % order.length];
      if (!upstream) break;
      try {
        const response = await this.#attempt(upstream, query, question);
        this.cache.put(question, response);
        return response;
      } catch (error) {
        this.#avoidUntil.set(upstream, clock.now() + avoidMs);
        log.debug("upstream failed", { upstream: upstream.name, error });
      }
    }
    this.failures++;
    return { body: failed, ttlSec: 0 };
  }

  async #attempt(upstream: Upstream, query: Buffer, question: Question): Promise<Response> {
    const abort = new AbortController();
    const { attemptTimeoutMs, clock } = this.#options;
    const cancel = clock.after(attemptTimeoutMs, () => abort.abort(new Error("no answer in time")));
    try {
      query.writeUInt16BE(randomInt(0x10000), 0);
      return readResponse(await upstream.exchange(query, abort.signal), question);
    } finally {
      cancel();
    }
  }

  /** Those that work first, each group in random order. */
  #order(): Upstream[] {
    const now = this.#options.clock.now();
    return this.#options.upstreams
      .map((upstream) => ({
        upstream,
        rank: ((this.#avoidUntil.get(upstream) ?? 0) > now ? 1 : 0) + Math.random(),
      }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ upstream }) => upstream);
  }
}

const refused: Body = faultBody(RCODE.REFUSED);
const failed: Body = faultBody(RCODE.SERVFAIL);

/** A query with room for an id, recursion desired, and an OPT record. */
function encodeQuestion({ name, type, dnssecOk, checkingDisabled }: Question): Buffer {
  const questionEnd = HEADER_SIZE + name.length + 1 + 4;
  const query = Buffer.alloc(questionEnd + OPT_SIZE);
  query[2] = RD;
  query[3] = checkingDisabled ? CD : 0;
  query[5] = 1;
  query[11] = 1;
  query.write(name, HEADER_SIZE, "latin1");
  query.writeUInt16BE(type, questionEnd - 4);
  query.writeUInt16BE(CLASS_IN, questionEnd - 2);
  query.writeUInt16BE(TYPE.OPT, questionEnd + 1);
  query.writeUInt16BE(ednsSize, questionEnd + 3);
  if (dnssecOk) query[questionEnd + 7] = 0x80;
  return query;
}
