/** Counters under the names that dashboards for CoreDNS read. Plain numbers, since each query counts several. */

import type { Forwarder } from "./forward/forwarder.ts";
import { TYPE } from "./wire/constants.ts";

/** Upper bounds in seconds, as CoreDNS has them: 0.25 ms doubling 16 times. */
const bounds: readonly number[] = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
const typeNames = new Map<number, string>(Object.entries(TYPE).map(([name, number]) => [number, name]));
const rcodeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const;

export type Protocol = "udp" | "tcp";
export type Family = 1 | 2;

export class DnsMetrics {
  /** Key: type, family and protocol in one number. */
  readonly #requests = new Map<number, number>();
  readonly #responses = new Map<number, number>();
  readonly #buckets = new Float64Array(bounds.length + 1);
  #seconds = 0;
  panics = 0;

  request(type: number, family: Family, protocol: Protocol): void {
    const key = (type << 2) | (family === 2 ? 2 : 0) | (protocol === "tcp" ? 1 : 0);
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  response(rcode: number, seconds: number): void {
    this.#responses.set(rcode, (this.#responses.get(rcode) ?? 0) + 1);
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#seconds += seconds;
  }

  /** The Prometheus text format. */
  format(
    labels: { readonly server: string; readonly zone: string; readonly version: string },
    forwarder: Forwarder,
  ): string {
    const common = `server="${labels.server}",zone="${labels.zone}",view=""`;
    const requests = [...this.#requests].map(([key, value]): Sample => {
      const type = typeNames.get(key >> 2) ?? "other";
      return [`${common},proto="${key & 1 ? "tcp" : "udp"}",family="${key & 2 ? 2 : 1}",type="${type}"`, value];
    });
    const responses = [...this.#responses].map(([rcode, value]): Sample => {
      return [`${common},rcode="${rcodeNames[rcode] ?? rcode}",plugin="kubernetes"`, value];
    });
    return [
      family("coredns_build_info", "gauge", "Version of this server.", [[`version="${labels.version}"`, 1]]),
      family("coredns_dns_requests_total", "counter", "Queries received.", merge(requests)),
      family("coredns_dns_responses_total", "counter", "Answers by response code.", responses),
      this.#formatDurations(common),
      family("coredns_panics_total", "counter", "Queries that failed for a fault of this server.", [["", this.panics]]),
      family("coredns_cache_entries", "gauge", "Answers of upstreams in the cache.", [["", forwarder.cache.size]]),
      family("coredns_cache_hits_total", "counter", "Questions answered from the cache.", [["", forwarder.cache.hits]]),
      family("coredns_cache_misses_total", "counter", "Questions not in the cache.", [["", forwarder.cache.misses]]),
      family("coredns_forward_max_concurrent_rejects_total", "counter", "Questions refused: too many in flight.", [
        ["", forwarder.rejected],
      ]),
      family("coredns_forward_failures_total", "counter", "Questions that no upstream answered.", [
        ["", forwarder.failures],
      ]),
    ].join("");
  }

  #formatDurations(common: string): string {
    const name = "coredns_dns_request_duration_seconds";
    let total = 0;
    const lines = Array.from(this.#buckets, (count, i) => {
      total += count;
      return `${name}_bucket{${common},le="${bounds[i] ?? "+Inf"}"} ${total}\n`;
    });
    const head = `# HELP ${name} Time from query to answer.\n# TYPE ${name} histogram\n`;
    return `${head}${lines.join("")}${name}_sum{${common}} ${this.#seconds}\n${name}_count{${common}} ${total}\n`;
  }
}

type Sample = readonly [labels: string, value: number];

function family(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels && `{${labels}}`} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** All rare types are "other": their counts belong together. */
function merge(samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, number>();
  for (const [labels, value] of samples) sums.set(labels, (sums.get(labels) ?? 0) + value);
  return [...sums];
}
