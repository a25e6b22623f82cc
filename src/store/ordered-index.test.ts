import assert from "node:assert/strict";
import { test } from "node:test";
import { OrderedIndex } from "./ordered-index.ts";
import type { Entry } from "./store.ts";

/** A small generator with a seed, so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("OrderedIndex answers as a sorted copy of a Map does, through 20,000 random changes", () => {
  const random = randomFrom(7);
  const index = new OrderedIndex();
  const reference = new Map<string, Entry>();
  for (let step = 0; step < 20_000; step++) {
    const key = `/${"abc"[random(3)]}/${random(1500)}`;
    if (random(3) === 0) {
      assert.equal(index.delete(key), reference.get(key));
      reference.delete(key);
    } else {
      const entry: Entry = { key, value: Buffer.alloc(random(10)), revision: step };
      assert.equal(index.set(entry), reference.get(key));
      reference.set(key, entry);
    }
    assert.equal(index.get(key), reference.get(key));
    if (step % 500 === 0) compare(index, reference, random);
  }
});

function compare(index: OrderedIndex, reference: Map<string, Entry>, random: (below: number) => number): void {
  const sorted = [...reference.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  assert.equal(index.count, sorted.length);
  assert.equal(
    index.valueBytes,
    sorted.reduce((sum, entry) => sum + entry.value.length, 0),
  );
  for (const prefix of ["", "/", "/b/", "/b/12", "/zz", "/c/1499"]) {
    for (const after of [undefined, "", `/b/${random(1500)}`, "/zzz"]) {
      const all = sorted.filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after));
      const limit = random(100) + 1;
      const { entries, remaining } = index.range(prefix, after, limit);
      assert.deepEqual(entries, all.slice(0, limit));
      assert.equal(remaining, Math.max(0, all.length - limit));
    }
  }
}
