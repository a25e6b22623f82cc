/** What holds against what should → steps. Pure. */
import { type Elements, type Held, type Keys, keyBehind, type Lists, putElement } from "./elements.ts";

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

type Values = ReadonlyMap<string, string | undefined> | undefined;

/** Looks only at `touched`, where what is observed may be in lists; at all when it is left out, and then observed are elements. */
export function plan(observed: Held, desired: Elements, touched?: Keys, lists: Lists = {}): Steps {
  const sets = touched ? [...touched.keys()] : [...new Set([...observed.keys(), ...desired.keys()])];
  return sets
    .map((set) => {
      const steps = new StepsOf(set);
      const [before, after, keys, size] = [observed.get(set), desired.get(set), touched?.get(set), lists[set]];
      if (!keys) compareAll(steps, before, after, size);
      else if (size) for (const key of keys.keys()) compareList(steps, key, before?.get(key), after?.get(key), size);
      else for (const key of keys.keys()) steps.compare(key, before?.get(key), after?.get(key));
      return steps;
    })
    .filter(isAny);
}

class StepsOf implements SetSteps {
  readonly set: string;
  readonly added: Step[] = [];
  readonly replaced: Step[] = [];
  readonly removed: Step[] = [];

  constructor(set: string) {
    this.set = set;
  }

  compare(key: string, old: string | undefined, value: string | undefined): void {
    if (value === undefined) {
      if (old !== undefined) this.removed.push({ key, value: old });
    } else if (old === undefined) this.added.push({ key, value });
    else if (old !== value) this.replaced.push({ key, value });
  }
}

/** Mostly there is nothing yet: then nothing is looked for. */
function compareAll(steps: StepsOf, before: Values, after: Values, size: number | undefined): void {
  const left = before?.size ? new Map(before) : undefined;
  const match = (key: string, value: string): void => {
    steps.compare(key, left?.get(key), value);
    left?.delete(key);
  };
  for (const [key, value = ""] of after ?? []) {
    if (!size) match(key, value);
    else for (let at = 0; at < value.length; at += size) match(keyBehind(key, at / size), value.slice(at, at + size));
  }
  for (const [key, old] of left ?? []) steps.compare(key, old, undefined);
}

function compareList(steps: StepsOf, first: string, old = "", values = "", size: number): void {
  for (let at = 0; at < Math.max(old.length, values.length); at += size)
    steps.compare(
      keyBehind(first, at / size),
      old.slice(at, at + size) || undefined,
      values.slice(at, at + size) || undefined,
    );
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
