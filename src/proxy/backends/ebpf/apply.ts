/** Steps → the maps, in an order in which no Service ever points at an endpoint that is not there. */
import type { BpfMap } from "../../../kernel/bpf/map.ts";
import { elementsOf } from "../../../kernel/nftables/values.ts";
import { type Elements, putElement } from "../nftables/elements.ts";
import type { Step, Steps } from "../nftables/plan.ts";
import type { MapName } from "./render.ts";

export type Maps = ReadonlyMap<string, BpfMap>;

/** What is pointed at comes before what points at it. */
export const mapOrder: readonly MapName[] = ["handles", "endpoints", "services", "outside", "addresses", "members"];

/** Throws SystemError: E2BIG when a map is full. The maps then hold some of the steps. */
export function apply(maps: Maps, steps: Steps): void {
  const byMap = new Map(steps.map((step) => [step.set, step]));
  const inOrder = mapOrder.flatMap((name) => byMap.get(name) ?? []);
  for (const { set, added, replaced } of inOrder) write(mapOf(maps, set), [...added, ...replaced]);
  for (const { set, removed, valueLength } of inOrder.reverse())
    mapOf(maps, set).deleteAll(removed.flatMap((step) => elementsOf(step, valueLength).map(({ key }) => key)));
}

function write(map: BpfMap, entries: readonly Step[]): void {
  const { error } = map.setAll(entries);
  if (error)
    throw new Error(`Cannot write to the eBPF map "${map.name}" of ${map.shape.maxEntries} entries: ${error.message}`, {
      cause: error,
    });
}

export function mapOf(maps: Maps, name: string): BpfMap {
  const map = maps.get(name);
  if (!map) throw new RangeError(`There is no eBPF map "${name}"`);
  return map;
}

/** What the maps hold. */
export function observe(maps: Maps): Elements {
  const elements: Elements = new Map();
  for (const name of mapOrder) {
    for (const { key, value } of mapOf(maps, name).entries()) putElement(elements, name, key, value);
  }
  return elements;
}
