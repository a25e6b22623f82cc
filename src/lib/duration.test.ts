import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatDuration, parseDurationMs } from "./duration.ts";

describe("parseDurationMs()", () => {
  const cases: [string, number | undefined][] = [
    ["1m30s", 90_000],
    ["100ms", 100],
    ["1.5s", 1500],
    ["24h0m0s", 86_400_000],
    ["500us", 0.5],
    ["-1s", -1000],
    ["0", 0],
    ["0s", 0],
    ["5", undefined],
    ["1s x", undefined],
    ["", undefined],
  ];
  for (const [text, want] of cases) test(`"${text}"`, () => assert.equal(parseDurationMs(text), want));
});

describe("formatDuration()", () => {
  for (const text of ["0s", "250ms", "30s", "1m30s", "24h0m0s", "1h0m1s"])
    test(`"${text}" and back`, () => assert.equal(formatDuration(parseDurationMs(text) ?? -1), text));
});
