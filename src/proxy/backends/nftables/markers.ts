/** The map "layout": by its marks the next process knows what it finds. */

import { readU32, u32 } from "../../../kernel/nftables/values.ts";
import type { Context } from "./chains.ts";
import { rulesHash, schemaHash } from "./commands.ts";
import type { Desired } from "./desired.ts";

const keys = { schema: u32(1), rules: u32(2), lastHandle: u32(3), filling: u32(4) };
/** The last handle is written down this far ahead, so that not each new endpoint changes the mark. */
const handleReserve = 4096;

/** What the map holds. */
export type Layout = ReadonlyMap<string, string>;

/** What a table of these settings must say. */
export interface Marks {
  readonly schema: string;
  readonly rules: string;
}

export function marksOf(context: Context): Marks {
  return { schema: u32(schemaHash(context)), rules: u32(rulesHash(context)) };
}

/**
 * "other": not our sets and hooks, or nothing; "rewrite": our sets, with rules of another version or other settings; "unhooked":
 * all but the hooks.
 */
export function compareMarks(layout: Layout, marks: Marks): "same" | "unhooked" | "rewrite" | "other" {
  const isHooked = layout.get(keys.schema) === marks.schema;
  if (!isHooked && layout.get(keys.filling) !== marks.schema) return "other";
  if (layout.get(keys.rules) !== marks.rules) return "rewrite";
  return isHooked ? "same" : "unhooked";
}

/** Puts the marks of a table without hooks among the desired elements. */
export function putFillingMarks(desired: Desired, { schema, rules }: Marks): void {
  desired.put("layout", { key: keys.filling, value: schema });
  desired.put("layout", { key: keys.rules, value: rules });
}

/** Puts the marks among the desired elements. */
export function putMarks(layout: Layout, desired: Desired, marks: Marks, lastHandle: number): void {
  if (desired.elements.get("layout")?.has(keys.filling)) desired.remove("layout", keys.filling);
  desired.put("layout", { key: keys.schema, value: marks.schema });
  desired.put("layout", { key: keys.rules, value: marks.rules });
  const written = desired.elements.get("layout")?.get(keys.lastHandle) ?? layout.get(keys.lastHandle);
  const isEnough = written !== undefined && readU32(written) >= lastHandle;
  desired.put("layout", { key: keys.lastHandle, value: isEnough ? written : u32(lastHandle + handleReserve) });
}

/** No handle up to this one may be given to a new endpoint: clients may be remembered for it. */
export function promisedHandle(layout: Layout): number {
  const mark = layout.get(keys.lastHandle);
  return mark ? readU32(mark) : 0;
}
