/** Answers of other servers, positive and negative, for as long as they hold; the oldest leave when it is full. */
import type { Clock } from "../../lib/clock.ts";
import type { Body } from "../body.ts";
import type { Question, Response } from "../forward/response.ts";

interface Entry {
  readonly body: Body;
  readonly storedAt: number;
  readonly expiresAt: number;
}

export interface CacheHit {
  readonly body: Body;
  readonly ageSec: number;
}

/** Twice what CoreDNS keeps of each sort, since this cache holds both. */
const defaultCapacity = 2 * 9984;

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #capacity: number;
  hits = 0;
  misses = 0;

  constructor(clock: Clock, capacity: number = defaultCapacity) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(question: Question): CacheHit | undefined {
    const key = questionKey(question);
    const entry = this.#entries.get(key);
    const now = this.#clock.now();
    if (!entry || now >= entry.expiresAt) {
      this.misses++;
      if (entry) this.#entries.delete(key);
      return undefined;
    }
    this.hits++;
    return { body: entry.body, ageSec: Math.floor((now - entry.storedAt) / 1000) };
  }

  put(question: Question, { body, ttlSec }: Response): void {
    if (ttlSec <= 0) return;
    const key = questionKey(question);
    const now = this.#clock.now();
    this.#entries.delete(key); // a Map keeps the order of insertion: the new one is the youngest
    this.#entries.set(key, { body, storedAt: now, expiresAt: now + ttlSec * 1000 });
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}

/** Questions with the same key have the same answer. */
export function questionKey({ name, type, dnssecOk, checkingDisabled }: Question): string {
  return `${type} ${dnssecOk ? 1 : 0}${checkingDisabled ? 1 : 0} ${name}`;
}
