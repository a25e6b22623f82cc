/** The map "layout": by its marks the next process knows what it finds. */

import { readU32, u32 } from "../../../kernel/nftables/values.ts";
import type { Context } from "./chains.ts";
import { rulesHash, schemaHash } from "./commands.ts";
import { type Elements, putElement } from "./elements.ts";

const keys = { schema: u32(1), rules: u32(2), lastHandle: u32(3) };
/** The last handle is written down this far ahead, so that not each new endpoint changes the mark. */
const handleReserve = 4096;

/** What a table of these settings must say. */
export interface Marks {
  readonly schema: string;
  readonly rules: string;
}

export function marksOf(context: Context): Marks {
  return { schema: u32(schemaHash(context)), rules: u32(rulesHash(context)) };
}

/** "other": not our sets and hooks, or nothing; "rewrite": our sets, with rules of another version or other settings. */
export function compareMarks(observed: Elements, marks: Marks): "same" | "rewrite" | "other" {
  const layout = observed.get("layout");
  if (layout?.get(keys.schema) !== marks.schema) return "other";
  return layout.get(keys.rules) === marks.rules ? "same" : "rewrite";
}

/** Puts the marks among the desired elements and returns the keys that differ from what holds. */
export function putMarks(
  { observed, desired }: { observed: Elements; desired: Elements },
  marks: Marks,
  lastHandle: number,
): string[] {
  putElement(desired, "layout", keys.schema, marks.schema);
  putElement(desired, "layout", keys.rules, marks.rules);
  const written = (desired.get("layout")?.has(keys.lastHandle) ? desired : observed)
    .get("layout")
    ?.get(keys.lastHandle);
  const isEnough = written !== undefined && readU32(written) >= lastHandle;
  putElement(desired, "layout", keys.lastHandle, isEnough ? written : u32(lastHandle + handleReserve));
  return Object.values(keys).filter((key) => observed.get("layout")?.get(key) !== desired.get("layout")?.get(key));
}

/** No handle up to this one may be given to a new endpoint: clients may be remembered for it. */
export function promisedHandle(observed: Elements): number {
  const mark = observed.get("layout")?.get(keys.lastHandle);
  return mark ? readU32(mark) : 0;
}
