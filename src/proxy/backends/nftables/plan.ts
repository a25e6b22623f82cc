/** What holds against what should → steps. Pure. */
import { type Elements, type Held, putElement } from "./elements.ts";

export interface Step {
  readonly key: string;
  readonly value: string;
}

/** The steps on one set. */
export interface SetSteps {
  readonly set: string;
  readonly added: readonly Step[];
  /** With the new value: deleted and added again, in one transaction. */
  readonly replaced: readonly Step[];
  readonly removed: readonly Step[];
}

export type Steps = readonly SetSteps[];

/** set → keys: sets or maps of them. */
type Touched = ReadonlyMap<string, Pick<Set<string>, "keys">>;

/** Looks only at `keys`; at all when they are left out. */
export function plan(observed: Held, desired: Elements, keys?: Touched): Steps {
  const sets = keys ? [...keys.keys()] : [...new Set([...observed.keys(), ...desired.keys()])];
  return sets.map((set) => planSet(set, { observed, desired, touched: keys?.get(set) })).filter(isAny);
}

function planSet(
  set: string,
  { observed, desired, touched }: { observed: Held; desired: Elements; touched: Pick<Set<string>, "keys"> | undefined },
): SetSteps {
  const before = observed.get(set);
  const after = desired.get(set);
  const added: Step[] = [];
  const replaced: Step[] = [];
  const removed: Step[] = [];
  const compare = (key: string, old: string | undefined, value: string | undefined): void => {
    if (value === undefined) {
      if (old !== undefined) removed.push({ key, value: old });
    } else if (old === undefined) added.push({ key, value });
    else if (old !== value) replaced.push({ key, value });
  };
  if (touched) {
    for (const key of touched.keys()) compare(key, before?.get(key), after?.get(key));
  } else {
    for (const [key, value] of after ?? []) compare(key, before?.get(key), value);
    for (const [key, old] of before ?? []) if (!after?.has(key)) compare(key, old, undefined);
  }
  return { set, added, replaced, removed };
}

const isAny = ({ added, replaced, removed }: SetSteps): boolean => added.length + replaced.length + removed.length > 0;

/** Performs the steps on `observed`, as the kernel did. */
export function take(observed: Elements, steps: Steps): void {
  for (const { set, added, replaced, removed } of steps) {
    for (const { key } of removed) observed.get(set)?.delete(key);
    for (const { key, value } of replaced) putElement(observed, set, key, value);
    for (const { key, value } of added) putElement(observed, set, key, value);
  }
}

export function countSteps(steps: Steps): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const step of steps) {
    added += step.added.length + step.replaced.length;
    removed += step.removed.length + step.replaced.length;
  }
  return { added, removed };
}
