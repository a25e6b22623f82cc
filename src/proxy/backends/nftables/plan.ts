/** What holds against what should → steps. Pure. */
import { elementsOf, keyBehind } from "../../../kernel/nftables/values.ts";
import { type Elements, type Held, type Keys, type Lists, putElement } from "./elements.ts";

/** In a set of lists it may stand for several elements, as an entry does. */
export interface Step {
  readonly key: string;
  readonly value: string;
}

/** The steps on one set. */
export interface SetSteps {
  readonly set: string;
  /** In a set of lists: the length of one value. */
  readonly valueLength: number | undefined;
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
      const steps = new StepsOf(set, lists[set]);
      const [before, after, keys] = [observed.get(set), desired.get(set), touched?.get(set)];
      if (!keys) compareAll(steps, before, after);
      else if (steps.valueLength)
        for (const key of keys.keys()) compareList(steps, key, before?.get(key), after?.get(key));
      else for (const key of keys.keys()) steps.compare(key, before?.get(key), after?.get(key));
      return steps;
    })
    .filter(isAny);
}

class StepsOf implements SetSteps {
  readonly set: string;
  readonly valueLength: number | undefined;
  readonly added: Step[] = [];
  readonly replaced: Step[] = [];
  readonly removed: Step[] = [];

  constructor(set: string, valueLength: number | undefined) {
    this.set = set;
    this.valueLength = valueLength;
  }

  compare(key: string, old: string | undefined, value: string | undefined): void {
    if (value === undefined) {
      if (old !== undefined) this.removed.push({ key, value: old });
    } else if (old === undefined) this.added.push({ key, value });
    else if (old !== value) this.replaced.push({ key, value });
  }
}

/** Mostly there is nothing yet: then nothing is looked for. */
function compareAll(steps: StepsOf, before: Values, after: Values): void {
  const left = before?.size ? new Map(before) : undefined;
  for (const [key, value = ""] of after ?? []) {
    if (!left) steps.compare(key, undefined, value);
    else
      for (const one of elementsOf({ key, value }, steps.valueLength)) {
        steps.compare(one.key, left.get(one.key), one.value);
        left.delete(one.key);
      }
  }
  for (const [key, old] of left ?? []) steps.compare(key, old, undefined);
}

/** A list that comes or goes as a whole is one step. */
function compareList(steps: StepsOf, first: string, old: string | undefined, value: string | undefined): void {
  const { valueLength = 1 } = steps;
  if (old === undefined || value === undefined) steps.compare(first, old, value);
  else
    for (let at = 0; at < Math.max(old.length, value.length); at += valueLength)
      steps.compare(
        keyBehind(first, at / valueLength),
        old.slice(at, at + valueLength) || undefined,
        value.slice(at, at + valueLength) || undefined,
      );
}

/** How many elements the step stands for. */
export const weightOf = ({ value }: Step, valueLength = 0): number => (valueLength ? value.length / valueLength : 1);

const isAny = ({ added, replaced, removed }: SetSteps): boolean => added.length + replaced.length + removed.length > 0;

/** Performs the steps on `observed`, as the kernel did. */
export function take(observed: Elements, steps: Steps): void {
  for (const { set, valueLength, added, replaced, removed } of steps) {
    const each = (list: readonly Step[]) => list.flatMap((step) => elementsOf(step, valueLength));
    for (const { key } of each(removed)) observed.get(set)?.delete(key);
    for (const { key, value } of each([...replaced, ...added])) putElement(observed, set, key, value);
  }
}

export function countSteps(steps: Steps): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const { valueLength, ...step } of steps) {
    const count = (list: readonly Step[]) => list.reduce((sum, one) => sum + weightOf(one, valueLength), 0);
    added += count(step.added) + step.replaced.length;
    removed += count(step.removed) + step.replaced.length;
  }
  return { added, removed };
}
