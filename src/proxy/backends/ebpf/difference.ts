/** Looks for what the maps hold otherwise than they must, in steps that nobody has to wait for. */
import type { Entry } from "../../../kernel/bpf/map.ts";
import { elementsOf, readU32 } from "../../../kernel/nftables/values.ts";
import type { Elements, Lists } from "../nftables/elements.ts";
import { type Maps, mapOf, mapOrder } from "./apply.ts";
import { lists, pair } from "./layout.ts";
import type { MapName } from "./render.ts";

const lengths: Lists = lists;
/** Elements of a step: less than a millisecond of work. */
const stepSize = 256;

/**
 * A step after each `yield`; the end says whether there is a difference. Between two steps the elements may change, in the
 * maps as in `desired`.
 */
export function* hasDifference(maps: Maps, desired: Elements): Generator<void, boolean> {
  for (const name of mapOrder) {
    const map = mapOf(maps, name);
    for (const held of map.batches(stepSize)) {
      if (held.some(({ key, value }) => wanted(desired, name, key) !== value)) return true;
      yield;
    }
    let waiting: Entry[] = [];
    for (const [key, value] of desired.get(name) ?? []) {
      waiting.push(...elementsOf({ key, value }, lengths[name]));
      if (waiting.length < stepSize) continue;
      if (!map.holds(waiting)) return true;
      waiting = [];
      yield;
    }
    if (!map.holds(waiting)) return true;
  }
  return false;
}

/** What the element must have as its value, were it of a list. */
function wanted(desired: Elements, name: MapName, key: string): string | undefined {
  const elements = desired.get(name);
  const length = lengths[name];
  if (!length) return elements?.get(key);
  const place = readU32(key, 4) * length;
  return elements?.get(pair(readU32(key, 0), 0))?.slice(place, place + length);
}
