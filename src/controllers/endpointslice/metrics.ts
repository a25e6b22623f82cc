/** Service-api E42: what the EndpointSlice controller did, under the names of kube-controller-manager. */
import type { EndpointSlice, Service } from "../../api/object.ts";
import { Counter, Histogram, heading, labelText, sample } from "../../lib/metrics-text.ts";
import type { Group } from "./compute.ts";
import type { SlicePlan } from "./plan.ts";

const prefix = "endpoint_slice_controller_";
const endpointBounds = Array.from({ length: 15 }, (_, index) => 2 ** (index + 1));
/** Those of Prometheus' libraries. */
const usualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const maxEndpoints = 100;

export interface Sync {
  readonly key: string;
  readonly service: Service;
  readonly groups: ReadonlyMap<string, Group>;
  readonly existing: readonly EndpointSlice[];
  readonly plan: SlicePlan;
  /** Endpoints are shared among zones. */
  readonly hinted: boolean;
}

interface Totals {
  readonly endpoints: number;
  readonly slices: number;
  readonly ideal: number;
  readonly distribution: string | undefined;
}

const addressesOf = (endpoints: readonly { readonly addresses: readonly string[] }[] | undefined): string[] =>
  (endpoints ?? []).flatMap(({ addresses }) => addresses.slice(0, 1));

function missingIn(from: readonly string[], list: readonly string[]): number {
  const known = new Set(list);
  return from.filter((address) => !known.has(address)).length;
}

function totalsOf({ service, groups, existing, plan }: Sync): Totals {
  const sizes = [...groups.values()].map(({ endpoints }) => endpoints.length);
  const ideal = sizes.reduce((sum, size) => sum + Math.ceil(size / maxEndpoints), 0);
  return {
    endpoints: sizes.reduce((sum, size) => sum + size, 0),
    slices: existing.length + plan.create.length - plan.delete.length,
    ideal: Math.max(ideal, 1),
    distribution: service.spec.trafficDistribution,
  };
}

export class EndpointSliceMetrics {
  readonly #added = new Histogram(endpointBounds);
  readonly #removed = new Histogram(endpointBounds);
  readonly #changed = new Histogram(usualBounds);
  readonly #changes = new Counter();
  readonly #syncs = new Counter();
  readonly #services = new Map<string, Totals>();

  /** Everything that was planned is written. */
  synced(sync: Sync): void {
    const { key, service, groups, existing, plan, hinted } = sync;
    const before = existing.flatMap(({ endpoints }) => addressesOf(endpoints));
    const after = [...groups.values()].flatMap(({ endpoints }) => addressesOf(endpoints));
    this.#added.observe("", missingIn(after, before));
    this.#removed.observe("", missingIn(before, after));
    const topology = hinted ? "Auto" : "Disabled";
    const labels = labelText({ topology, traffic_distribution: service.spec.trafficDistribution ?? "" });
    this.#changed.observe(labels, plan.create.length + plan.update.length + plan.delete.length);
    for (const operation of ["create", "update", "delete"] as const) {
      if (plan[operation].length > 0) this.#changes.add(labelText({ operation }), plan[operation].length);
    }
    this.#services.set(key, totalsOf(sync));
    this.#syncs.add(labelText({ result: "success" }));
  }

  /** "stale": another writer came first, or the cache is behind. */
  failed(result: "error" | "stale"): void {
    this.#syncs.add(labelText({ result }));
  }

  /** The Service has no slices any more. */
  forget(key: string): void {
    this.#services.delete(key);
  }

  format(): string {
    const all = [...this.#services.values()];
    const sum = (field: "endpoints" | "slices" | "ideal"): number => all.reduce((total, one) => total + one[field], 0);
    const distributions = new Map<string, number>();
    for (const { distribution } of all) {
      if (distribution) distributions.set(distribution, (distributions.get(distribution) ?? 0) + 1);
    }
    const gauge = (name: string, help: string, value: number): string[] => [
      ...heading(prefix + name, "gauge", help),
      sample(prefix + name, "", value),
    ];
    const counted = (
      name: string,
      type: "counter" | "histogram",
      help: string,
      metric: Counter | Histogram,
    ): string[] => {
      return [...heading(prefix + name, type, help), ...metric.lines(prefix + name)];
    };
    const byDistribution = "services_count_by_traffic_distribution";
    const lines = [
      ...counted("endpoints_added_per_sync", "histogram", "Endpoints added on each Service sync.", this.#added),
      ...counted("endpoints_removed_per_sync", "histogram", "Endpoints removed on each Service sync.", this.#removed),
      ...gauge("endpoints_desired", "Endpoints desired.", sum("endpoints")),
      ...gauge("num_endpoint_slices", "EndpointSlices.", sum("slices")),
      ...gauge("desired_endpoint_slices", "EndpointSlices that full ones would be.", sum("ideal")),
      ...counted("changes", "counter", "EndpointSlice changes.", this.#changes),
      ...counted("endpointslices_changed_per_sync", "histogram", "Slices changed on each Service sync.", this.#changed),
      ...counted("syncs", "counter", "EndpointSlice syncs by result.", this.#syncs),
      ...heading(prefix + byDistribution, "gauge", "Services by their trafficDistribution."),
      ...[...distributions].map(([name, count]) =>
        sample(prefix + byDistribution, labelText({ traffic_distribution: name }), count),
      ),
    ];
    return `${lines.join("\n")}\n`;
  }
}
