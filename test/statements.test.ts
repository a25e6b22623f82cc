/** Each numbered statement is held by a test that has its number in the title, or docs/statements.md says why none is. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const last = { P: 270, S: 126, E: 63 } as const;
const numbers = Object.entries(last).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, n) => `${letter}${n + 1}`),
);

/** Tests, and what they share. */
const places = ["src/**/*.test.ts", "src/**/*conformance.ts", "src/**/testing/*.ts", "test/**/*.ts"];

/** Titles, and the parts that some are made of: texts that begin with a number. "P184 to P186" are three. */
function named(): Set<string> {
  const found = new Set<string>();
  for (const file of globSync(places, { cwd: root })) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [title] of text.matchAll(/(?<=["`])[PSE]\d+(?!\w)[^"`\n]*/g)) {
      for (const [, letter, from, to = from] of title.matchAll(/\b([PSE])(\d+)(?!\w)(?: to \1(\d+))?/g))
        for (let n = Number(from); n <= Number(to); n++) found.add(`${letter}${n}`);
    }
  }
  return found;
}

function excused(): Set<string> {
  const page = readFileSync(join(root, "docs", "statements.md"), "utf8");
  return new Set([...page.matchAll(/^\| ([PSE]\d+) \|/gm)].map(([, number = ""]) => number));
}

test("every statement is named by a test, or docs/statements.md says why not", () => {
  const titles = named();
  const table = excused();
  const lost = numbers.filter((number) => !titles.has(number) && !table.has(number));
  assert.deepEqual(lost, [], "neither a test's title nor docs/statements.md has them");
  const both = numbers.filter((number) => titles.has(number) && table.has(number));
  assert.deepEqual(both, [], "docs/statements.md has them, and so has a test's title");
  const unknown = [...titles, ...table].filter((number) => !numbers.includes(number));
  assert.deepEqual(unknown, [], "there is no such statement");
});
