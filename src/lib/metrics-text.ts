/** Metrics in the text format of Prometheus. Own text: the format is a few lines, and a library would be loaded by every start. */

const escapeLabel = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));

/** `verb="get",code="200"`. */
export const labelText = (labels: object): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
    .join(",");

export const heading = (name: string, type: "counter" | "gauge" | "histogram", help: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

/** `name{labels} value`; labels as `labelText` writes them, "" for none. */
export const sample = (name: string, labels: string, value: number): string =>
  labels ? `${name}{${labels}} ${value}` : `${name} ${value}`;

/** Counts by labels, which only grow. */
export class Counter {
  readonly #counts = new Map<string, number>();

  add(labels: string, by = 1): void {
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + by);
  }

  lines(name: string): string[] {
    return [...this.#counts].map(([labels, count]) => sample(name, labels, count));
  }
}

interface Series {
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** How many values were no greater than each bound, by labels. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(labels: string, value: number): void {
    let series = this.#series.get(labels);
    if (!series) {
      series = { buckets: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(labels, series);
    }
    series.sum += value;
    series.count += 1;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  lines(name: string): string[] {
    return [...this.#series].flatMap(([labels, { buckets, sum, count }]) => {
      const start = labels && `${labels},`;
      let total = 0;
      const lines = buckets.map((value, index) => {
        total += value;
        return `${name}_bucket{${start}le="${this.#bounds[index]}"} ${total}`;
      });
      lines.push(`${name}_bucket{${start}le="+Inf"} ${count}`);
      return [...lines, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count)];
    });
  }
}
