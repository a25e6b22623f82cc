/** A reporter of node's test runner, for the guest: one line of JSON for each finished test. */
import type { TestEvent } from "node:test/reporters";

/** Stands before each result on the console. */
export const resultMark = "@@test ";

export interface Result {
  /** 0 for a suite or test of the file itself. */
  readonly nesting: number;
  readonly name: string;
  readonly isSuite: boolean;
  /** Absent: it passed. */
  readonly failure?: string;
  readonly skipped?: string;
  readonly durationMs: number;
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, nesting, details, skip } = event.data;
    const result: Result = {
      nesting,
      name,
      isSuite: details.type === "suite",
      ...(event.type === "test:fail" && !isOfParts(event.data.details.error)
        ? { failure: describe(event.data.details.error) }
        : {}),
      ...(skip === undefined || skip === false ? {} : { skipped: String(skip) }),
      durationMs: details.duration_ms,
    };
    yield `\n${resultMark}${JSON.stringify(result)}\n`;
  }
}

/** A suite that failed by its tests alone: they tell it themselves. */
const isOfParts = (error: Error): boolean => "failureType" in error && error.failureType === "subtestsFailed";

function describe(error: Error): string {
  const { cause } = error;
  return (cause instanceof Error ? (cause.stack ?? cause.message) : error.message).slice(0, 4000);
}
