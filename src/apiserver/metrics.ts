/** Counts and times of requests, in the text format of Prometheus, with the names that Kubernetes uses. */
import { Counter, Histogram, heading, labelText } from "../lib/metrics-text.ts";
import { processLines } from "../lib/process-metrics.ts";

const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
}

export interface Metrics {
  /** A request came; the returned function is called when its answer is complete. */
  begin(labels: RequestLabels): (code: number, seconds: number) => void;
  /** `gauges`: what is asked for at the moment of the scrape, by full name. */
  format(gauges?: Readonly<Record<string, number>>): string;
}

const increment = (counts: Map<string, number>, key: string, by: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + by);

export function createMetrics(): Metrics {
  const totals = new Counter();
  const durations = new Histogram(bucketSeconds);
  const inflight = new Map<string, number>();
  const kindOf = (verb: string): string => (/^(get|list|watch)$/.test(verb) ? "readOnly" : "mutating");
  return {
    begin(labels) {
      const key = labelText(labels);
      const request = `request_kind="${kindOf(labels.verb)}"`;
      increment(inflight, request, 1);
      return (code, seconds) => {
        increment(inflight, request, -1);
        totals.add(`${key},code="${code}"`);
        if (labels.verb !== "watch") durations.observe(key, seconds);
      };
    },
    format(gauges = {}) {
      const lines = [
        ...heading("apiserver_request_total", "counter", "Requests by verb, resource and answer code."),
        ...totals.lines("apiserver_request_total"),
        ...heading("apiserver_request_duration_seconds", "histogram", "Time to the complete answer, watches left out."),
        ...durations.lines("apiserver_request_duration_seconds"),
        ...heading("apiserver_current_inflight_requests", "gauge", "Requests being worked on, watches included."),
        ...[...inflight].map(([labels, count]) => `apiserver_current_inflight_requests{${labels}} ${count}`),
        ...Object.entries(gauges).flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]),
        ...processLines(),
      ];
      return `${lines.join("\n")}\n`;
    },
  };
}
