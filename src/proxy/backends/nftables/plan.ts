/** What holds against what should → steps. Pure. */
import { type Elements, type Keys, keysOf, putElement } from "./elements.ts";

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

/** Looks only at `keys`, which is all of them when it is left out. */
export function plan(observed: Elements, desired: Elements, keys: Keys = keysOf(observed, desired)): Steps {
  return [...keys].map(([set, touched]) => planSet(set, { observed, desired, touched })).filter(isAny);
}

function planSet(
  set: string,
  { observed, desired, touched }: { observed: Elements; desired: Elements; touched: ReadonlySet<string> },
): SetSteps {
  const before = observed.get(set);
  const after = desired.get(set);
  const added: Step[] = [];
  const replaced: Step[] = [];
  const removed: Step[] = [];
  for (const key of touched) {
    const old = before?.get(key);
    const value = after?.get(key);
    if (value === undefined) {
      if (old !== undefined) removed.push({ key, value: old });
    } else if (old === undefined) added.push({ key, value });
    else if (old !== value) replaced.push({ key, value });
  }
  return { set, added, replaced, removed };
}

const isAny = ({ added, replaced, removed }: SetSteps): boolean => added.length + replaced.length + removed.length > 0;

/** Performs the steps on `observed`, as the kernel did. */
export function take(observed: Elements, steps: Steps): void {
  for (const { set, added, replaced, removed } of steps) {
    for (const { key } of removed) observed.get(set)?.delete(key);
    for (const { key, value } of [...replaced, ...added]) putElement(observed, set, key, value);
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
