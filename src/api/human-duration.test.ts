import assert from "node:assert/strict";
import { test } from "node:test";
import { age, humanDuration } from "./human-duration.ts";

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

const cases: readonly (readonly [seconds: number, want: string])[] = [
  [-2, "<invalid>"],
  [-1, "0s"],
  [0, "0s"],
  [119.9, "119s"],
  [2 * minute, "2m"],
  [2 * minute + 5, "2m5s"],
  [10 * minute + 5, "10m"],
  [3 * hour - 1, "179m"],
  [3 * hour, "3h"],
  [3 * hour + minute, "3h1m"],
  [8 * hour + minute, "8h"],
  [2 * day - 1, "47h"],
  [2 * day, "2d"],
  [2 * day + hour, "2d1h"],
  [8 * day + hour, "8d"],
  [2 * year - 1, "729d"],
  [2 * year, "2y"],
  [2 * year + 3 * day, "2y3d"],
  [8 * year + 3 * day, "8y"],
];

for (const [seconds, want] of cases) {
  test(`humanDuration(${seconds} s) is ${want}`, () => assert.equal(humanDuration(seconds * 1000), want));
}

test("age() is unknown without a timestamp", () => {
  assert.equal(age(undefined, 0), "<unknown>");
  assert.equal(age("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:01:00Z")), "60s");
});
