/** Counts and times of requests, in the text format of Prometheus, with the names that Kubernetes uses. */

const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

interface Series {
  readonly buckets: number[];
  sum: number;
  count: number;
}

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

const escapeLabel = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
const labelText = (labels: object): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
    .join(",");

const increment = (counts: Map<string, number>, key: string, by: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + by);

function observe(durations: Map<string, Series>, key: string, seconds: number): void {
  let series = durations.get(key);
  if (!series) {
    series = { buckets: bucketSeconds.map(() => 0), sum: 0, count: 0 };
    durations.set(key, series);
  }
  series.sum += seconds;
  series.count += 1;
  const bucket = bucketSeconds.findIndex((limit) => seconds <= limit);
  if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
}

function formatSeries(name: string, durations: ReadonlyMap<string, Series>): string[] {
  return [...durations].flatMap(([labels, { buckets, sum, count }]) => {
    let total = 0;
    const lines = buckets.map((value, index) => {
      total += value;
      return `${name}_bucket{${labels},le="${bucketSeconds[index]}"} ${total}`;
    });
    return [
      ...lines,
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    ];
  });
}

const heading = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function processLines(): string[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = cpuOf(process.cpuUsage());
  return [
    ...heading("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
    `process_resident_memory_bytes ${rss}`,
    ...heading("nodejs_heap_size_used_bytes", "gauge", "Heap in use in bytes."),
    `nodejs_heap_size_used_bytes ${heapUsed}`,
    ...heading("process_cpu_seconds_total", "counter", "User and system time spent in seconds."),
    `process_cpu_seconds_total ${user + system}`,
  ];
}

const cpuOf = ({ user, system }: NodeJS.CpuUsage): { user: number; system: number } => ({
  user: user / 1e6,
  system: system / 1e6,
});

export function createMetrics(): Metrics {
  const totals = new Map<string, number>();
  const durations = new Map<string, Series>();
  const inflight = new Map<string, number>();
  const kindOf = (verb: string): string => (/^(get|list|watch)$/.test(verb) ? "readOnly" : "mutating");
  return {
    begin(labels) {
      const key = labelText(labels);
      const request = `request_kind="${kindOf(labels.verb)}"`;
      increment(inflight, request, 1);
      return (code, seconds) => {
        increment(inflight, request, -1);
        increment(totals, `${key},code="${code}"`, 1);
        if (labels.verb !== "watch") observe(durations, key, seconds);
      };
    },
    format(gauges = {}) {
      const lines = [
        ...heading("apiserver_request_total", "counter", "Requests by verb, resource and answer code."),
        ...[...totals].map(([labels, count]) => `apiserver_request_total{${labels}} ${count}`),
        ...heading("apiserver_request_duration_seconds", "histogram", "Time to the complete answer, watches left out."),
        ...formatSeries("apiserver_request_duration_seconds", durations),
        ...heading("apiserver_current_inflight_requests", "gauge", "Requests being worked on, watches included."),
        ...[...inflight].map(([labels, count]) => `apiserver_current_inflight_requests{${labels}} ${count}`),
        ...Object.entries(gauges).flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]),
        ...processLines(),
      ];
      return `${lines.join("\n")}\n`;
    },
  };
}
