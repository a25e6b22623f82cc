/** A query in, an answer out: from the zone at once, or from other servers later. */
import type { Log } from "../lib/log.ts";
import { aliasBody } from "./alias.ts";
import { answer, type Outcome } from "./answer.ts";
import { compose, composeFault } from "./body.ts";
import type { Forwarder } from "./forward/forwarder.ts";
import type { Question } from "./forward/response.ts";
import type { DnsMetrics, Family, Protocol } from "./metrics.ts";
import { CD, RCODE } from "./wire/constants.ts";
import type { Query } from "./wire/query.ts";
import type { Zone } from "./zone.ts";

export interface Transport {
  readonly protocol: Protocol;
  readonly family: Family;
}

export interface ResolverOptions {
  readonly zone: Zone;
  readonly forwarder: Forwarder;
  readonly metrics: DnsMetrics;
  readonly log: Log;
  readonly synced: () => boolean;
}

export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * The answer to the message `packet`, at once where the zone has it. Undefined: none now; if it needs others, `later` is called with it.
   * The caller may use the memory of `packet` again as soon as this returns.
   */
  handle(packet: Buffer, transport: Transport, later: (reply: Buffer) => void): Buffer | undefined {
    const { zone, forwarder, metrics, synced } = this.#options;
    const startMs = performance.now();
    try {
      const outcome = answer(packet, zone, {
        protocol: transport.protocol,
        recursion: forwarder.enabled,
        random: Math.random,
        synced: synced(),
      });
      switch (outcome.kind) {
        case "drop":
          return undefined;
        case "reply":
          if (outcome.query) metrics.request(outcome.query.type, transport.family, transport.protocol);
          metrics.response(outcome.rcode, (performance.now() - startMs) / 1000);
          return outcome.bytes;
        default:
          metrics.request(outcome.query.type, transport.family, transport.protocol);
          void this.#ask(ownQuery(outcome, packet), transport.protocol, startMs).then(later);
          return undefined;
      }
    } catch (error) {
      return this.#fault(packet, error);
    }
  }

  async #ask(outcome: Asking, protocol: Protocol, startMs: number): Promise<Buffer> {
    const { forwarder, metrics } = this.#options;
    const { query } = outcome;
    try {
      const target = outcome.kind === "alias" ? outcome.target : query.name;
      const { body, ageSec } = await forwarder.resolve(questionOf(query, target));
      const reply =
        outcome.kind === "alias"
          ? aliasBody(query, outcome.aliases, forwarder.enabled ? { target, body } : undefined)
          : body;
      metrics.response(reply.rcode, (performance.now() - startMs) / 1000);
      return compose(query, reply, { protocol, recursion: forwarder.enabled, random: Math.random, ageSec });
    } catch (error) {
      return this.#fault(query.packet, error);
    }
  }

  #fault(packet: Buffer, error: unknown): Buffer {
    const { metrics, log } = this.#options;
    metrics.panics++;
    log.error("query failed", { error });
    metrics.response(RCODE.SERVFAIL, 0);
    return composeFault(packet, RCODE.SERVFAIL);
  }
}

type Asking = Extract<Outcome, { kind: "forward" | "alias" }>;

/** The packet's memory may be used again before the answer comes. */
function ownQuery(outcome: Asking, packet: Buffer): Asking {
  return { ...outcome, query: { ...outcome.query, packet: Buffer.from(packet) } };
}

function questionOf(query: Query, name: string): Question {
  const checkingDisabled = ((query.packet[3] ?? 0) & CD) !== 0;
  return { name, type: query.type, dnssecOk: query.edns?.dnssecOk ?? false, checkingDisabled };
}
