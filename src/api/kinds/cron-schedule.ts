/**
 * Schedules of CronJobs: five fields, or one of the words behind "@".
 * Source: crontab(5) and the field docs of CronJobSpec; the texts of faults are those that Kubernetes answers.
 */
import { ownField } from "../json.ts";

/** The minutes, hours, … at which it is time; a day counts if it is in both sets, or in either when neither field is a star. */
export interface CronSchedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
  /** Of "@every 90s": runs come so long after each other, and the sets are empty. */
  readonly everySeconds?: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const bounds = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: months },
  dayOfWeek: { min: 0, max: 6, names: weekdays },
} satisfies Record<string, Bounds>;

const descriptors: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const fieldCount = 5;

/** A fault on the way through a text; `parseCron` gives its message back. */
class CronFault extends Error {}

function fail(message: string): never {
  throw new CronFault(message);
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    fail(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const number = Number(text);
  return number < 0 ? fail(`negative number (${number}) not allowed: ${text}`) : number;
}

function parseValue(text: string, { min, names }: Bounds): number {
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  return index >= 0 ? index + min : parseNumber(text);
}

/** "1-5", "7" or "*"; `hasStep`: a single number starts a range that ends with the bound. */
function parseRange(text: string, field: Bounds, hasStep: boolean, whole: string): readonly [number, number] {
  if (text === "*" || text === "?") return [field.min, field.max];
  const parts = text.split("-");
  if (parts.length > 2) fail(`too many hyphens: ${whole}`);
  const [first = "", last] = parts;
  const start = parseValue(first, field);
  if (last !== undefined) return [start, parseValue(last, field)];
  return [start, hasStep ? field.max : start];
}

function parseItem(text: string, field: Bounds): number[] {
  const parts = text.split("/");
  if (parts.length > 2) fail(`too many slashes: ${text}`);
  const [range = "", stepText] = parts;
  const [start, end] = parseRange(range, field, stepText !== undefined, text);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  if (start < field.min) fail(`beginning of range (${start}) below minimum (${field.min}): ${text}`);
  if (end > field.max) fail(`end of range (${end}) above maximum (${field.max}): ${text}`);
  if (start > end) fail(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) fail(`step of range should be a positive number: ${text}`);
  return Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step);
}

function parseField(text: string, field: Bounds): ReadonlySet<number> {
  return new Set(
    text
      .split(",")
      .filter((item) => item !== "")
      .flatMap((item) => parseItem(item, field)),
  );
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6, µs: 1e-6, ns: 1e-9 };
const never: ReadonlySet<number> = new Set();

/** "@every 1h30m"; less than a second counts as one. */
function parseEvery(text: string): CronSchedule {
  const duration = text.slice("@every ".length);
  const terms = [...duration.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)/gy)];
  if (!duration || terms.map(([term]) => term).join("") !== duration) {
    fail(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`);
  }
  const seconds = terms.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (unitSeconds[unit] ?? 0), 0);
  return {
    ...{ minutes: never, hours: never, daysOfMonth: never, months: never, daysOfWeek: never },
    anyDayOfMonth: false,
    anyDayOfWeek: false,
    everySeconds: Math.max(1, Math.floor(seconds)),
  };
}

function parse(text: string): CronSchedule {
  if (text === "") fail("empty spec string");
  if (text.startsWith("@every ")) return parseEvery(text);
  const known = ownField(descriptors, text);
  if (text.startsWith("@") && !known) fail(`unrecognized descriptor: ${text}`);
  const fields = (known ?? text).trim().split(/\s+/).filter(Boolean);
  if (fields.length !== fieldCount) {
    fail(`expected exactly ${fieldCount} fields, found ${fields.length}: [${fields.join(" ")}]`);
  }
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = fields;
  const isStar = (field: string): boolean => field.split(",").some((item) => /^[*?](\/1)?$/.test(item));
  return {
    minutes: parseField(minute, bounds.minute),
    hours: parseField(hour, bounds.hour),
    daysOfMonth: parseField(dayOfMonth, bounds.dayOfMonth),
    months: parseField(month, bounds.month),
    daysOfWeek: parseField(dayOfWeek, bounds.dayOfWeek),
    anyDayOfMonth: isStar(dayOfMonth),
    anyDayOfWeek: isStar(dayOfWeek),
  };
}

/** The schedule, or the sentence that says what is wrong with it. */
export function parseCron(text: string): CronSchedule | string {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof CronFault) return error.message;
    throw error;
  }
}
