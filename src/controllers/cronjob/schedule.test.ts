import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCron } from "../../api/kinds/cron-schedule.ts";
import { lastDue, nextRunMs } from "./schedule.ts";

function scheduleOf(text: string) {
  const schedule = parseCron(text);
  assert.ok(typeof schedule !== "string", String(schedule));
  return schedule;
}

const cases: [schedule: string, timeZone: string, after: string, want: string | undefined][] = [
  ["* * * * *", "UTC", "2026-03-04T05:06:07Z", "2026-03-04T05:07:00.000Z"],
  ["*/15 * * * *", "UTC", "2026-03-04T05:45:00Z", "2026-03-04T06:00:00.000Z"],
  ["0 3 * * *", "UTC", "2026-12-31T03:00:00Z", "2027-01-01T03:00:00.000Z"],
  ["0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"],
  ["0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", undefined],
  ["0 12 13 * FRI", "UTC", "2026-02-01T00:00:00Z", "2026-02-06T12:00:00.000Z"],
  ["0 12 * * SUN", "UTC", "2026-02-02T00:00:00Z", "2026-02-08T12:00:00.000Z"],
  ["@monthly", "UTC", "2026-02-02T00:00:00Z", "2026-03-01T00:00:00.000Z"],
  ["@every 90s", "UTC", "2026-02-02T00:00:00.400Z", "2026-02-02T00:01:30.000Z"],
  ["0 9 * * *", "Asia/Tokyo", "2026-02-02T00:00:00Z", "2026-02-03T00:00:00.000Z"],
  // Clocks go forward: 02:30 does not come on that day.
  ["30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:30:00.000Z"],
  // Clocks go back: 02:30 comes twice.
  ["30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00.000Z"],
  ["30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00.000Z"],
];
for (const [schedule, timeZone, after, want] of cases) {
  test(`nextRunMs(): ${schedule} in ${timeZone} after ${after}`, () => {
    const next = nextRunMs(scheduleOf(schedule), Date.parse(after), timeZone);
    assert.equal(next === undefined ? undefined : new Date(next).toISOString(), want);
  });
}

test("lastDue(): the last of several, and of very many", () => {
  const schedule = scheduleOf("0 * * * *");
  const nowMs = Date.parse("2026-02-02T05:10:00Z");
  const of = (from: string) => lastDue(schedule, { fromMs: Date.parse(from), nowMs, timeZone: "UTC" });
  const dueMs = Date.parse("2026-02-02T05:00:00Z");
  assert.deepEqual(of("2026-02-02T05:00:00Z"), { dueMs: undefined, tooMany: false });
  assert.deepEqual(of("2026-02-02T02:00:00Z"), { dueMs, tooMany: false });
  assert.deepEqual(of("2025-02-02T02:00:00Z"), { dueMs, tooMany: true });
});
