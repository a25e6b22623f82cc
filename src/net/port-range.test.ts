import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPortRange, isPortNumber, parsePortRange, portRangeContains, portRangeSize } from "./port-range.ts";

const texts: readonly [text: string, formatted: string | undefined][] = [
  ["30000-32767", "30000-32767"],
  [" 30000-32767 ", "30000-32767"],
  ["30000+10", "30000-30010"],
  ["65530+10", "65530-65535"],
  ["80", "80"],
  ["80-80", "80"],
  ["80-79", undefined],
  ["0-10", undefined],
  ["1-65536", undefined],
  ["a-b", undefined],
  ["1-2-3", undefined],
  ["", undefined],
];

for (const [text, formatted] of texts) {
  test(`parsePortRange(${JSON.stringify(text)}) is ${formatted ?? "nothing"}`, () => {
    const range = parsePortRange(text);
    assert.equal(range && formatPortRange(range), formatted);
  });
}

test("both ends belong to a port range", () => {
  const range = { first: 30000, last: 32767 };
  assert.equal(portRangeSize(range), 2768);
  assert.deepEqual(
    [29999, 30000, 32767, 32768].map((port) => portRangeContains(range, port)),
    [false, true, true, false],
  );
});

test("isPortNumber() takes whole numbers from 1 to 65535", () => {
  assert.deepEqual([0, 1, 65535, 65536, 1.5, Number.NaN].map(isPortNumber), [false, true, true, false, false, false]);
});
