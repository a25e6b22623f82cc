/** When a CronJob runs (batch/v1 CronJobSpec.schedule and timeZone; crontab(5)). */
import type { CronSchedule } from "../../api/kinds/cron-schedule.ts";

/** A schedule such as "0 0 30 2 *" never comes: the search ends. */
const maxDays = 5 * 366;

/** True if the schedule runs on the day: both fields must fit, but one suffices when both are given. */
function fitsDay(schedule: CronSchedule, { day, month, dayOfWeek }: Temporal.PlainDate): boolean {
  if (!schedule.months.has(month)) return false;
  const inMonth = schedule.daysOfMonth.has(day);
  const inWeek = schedule.daysOfWeek.has(dayOfWeek % 7);
  return schedule.anyDayOfMonth || schedule.anyDayOfWeek ? inMonth && inWeek : inMonth || inWeek;
}

/** The first moment after `afterMs` in an hour of a day, which a change of the clocks may bring twice or not at all. */
function inHour(
  { minutes }: CronSchedule,
  { date, hour, timeZone, afterMs }: { date: Temporal.PlainDate; hour: number; timeZone: string; afterMs: number },
): number | undefined {
  let first: number | undefined;
  for (const minute of minutes) {
    const wall = date.toPlainDateTime({ hour, minute });
    for (const disambiguation of ["earlier", "later"] as const) {
      const moment = wall.toZonedDateTime(timeZone, { disambiguation });
      const ms = moment.epochMilliseconds;
      if (moment.hour === hour && ms > afterMs && (first === undefined || ms < first)) first = ms;
    }
  }
  return first;
}

/** Milliseconds since the epoch; undefined: never again. `timeZone` is an IANA name. */
export function nextRunMs(schedule: CronSchedule, afterMs: number, timeZone: string): number | undefined {
  if (schedule.everySeconds !== undefined) return Math.floor(afterMs / 1000 + schedule.everySeconds) * 1000;
  const start = Temporal.Instant.fromEpochMilliseconds(afterMs).toZonedDateTimeISO(timeZone);
  const hours = [...schedule.hours].sort((one, other) => one - other);
  let date = start.toPlainDate();
  for (let days = 0; days < maxDays; days++, date = date.add({ days: 1 })) {
    if (!fitsDay(schedule, date)) continue;
    for (const hour of hours) {
      // An hour earlier may still come a second time.
      if (days === 0 && hour < start.hour - 1) continue;
      const found = inHour(schedule, { date, hour, timeZone, afterMs });
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** Runs that are counted one by one; beyond them only the last one is looked for. */
const maxMissed = 100;

/** The last run that was due in (fromMs, nowMs], and whether there were more than 100. */
export function lastDue(
  schedule: CronSchedule,
  { fromMs, nowMs, timeZone }: { fromMs: number; nowMs: number; timeZone: string },
): { dueMs: number | undefined; tooMany: boolean } {
  const walk = (startMs: number, limit: number): { dueMs: number | undefined; more: boolean } => {
    let dueMs: number | undefined;
    for (let count = 0; count <= limit; count++) {
      const next = nextRunMs(schedule, dueMs ?? startMs, timeZone);
      if (next === undefined || next > nowMs) return { dueMs, more: false };
      dueMs = next;
    }
    return { dueMs, more: true };
  };
  const first = walk(fromMs, maxMissed);
  if (!first.more) return { dueMs: first.dueMs, tooMany: false };
  // Ever larger windows before now, until one holds a run.
  for (let windowMs = 60_000; windowMs < nowMs - fromMs; windowMs *= 2) {
    const { dueMs } = walk(nowMs - windowMs, 1000);
    if (dueMs !== undefined) return { dueMs, tooMany: true };
  }
  return { dueMs: first.dueMs, tooMany: true };
}
