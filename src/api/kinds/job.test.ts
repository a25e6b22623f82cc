import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import { changeFaults, type Fields, faultsOf, made, row, titles } from "./_kind-fixture.ts";
import { cronJobKind } from "./cron-job.ts";
import { parseCron } from "./cron-schedule.ts";
import { jobKind } from "./job.ts";

const podSpec = { restartPolicy: "Never", containers: [{ name: "main", image: "main:1" }] };
const job = (spec: Fields = {}) => ({ spec: { template: { spec: podSpec }, ...spec } });
const labels = {
  "controller-uid": "u1",
  "batch.kubernetes.io/controller-uid": "u1",
  "job-name": "one",
  "batch.kubernetes.io/job-name": "one",
};

test("Job defaults, selector and labels", () => {
  const { metadata, spec, status } = made(jobKind, job());
  assert.deepEqual(
    [spec.completions, spec.parallelism, spec.backoffLimit, spec.completionMode, spec.suspend, spec.manualSelector],
    [1, 1, 6, "NonIndexed", false, false],
  );
  assert.equal(spec.podReplacementPolicy, "TerminatingOrFailed");
  assert.deepEqual(spec.selector, { matchLabels: { "batch.kubernetes.io/controller-uid": "u1" } });
  assert.deepEqual(spec.template.metadata?.labels, labels);
  assert.deepEqual(metadata.labels, labels);
  assert.deepEqual(status, {});
});

test("Job defaults leave a work queue its completions, and an indexed Job its retries", () => {
  assert.equal(made(jobKind, job({ parallelism: 3 })).spec.completions, undefined);
  assert.equal(
    made(jobKind, job({ completionMode: "Indexed", backoffLimitPerIndex: 1 })).spec.backoffLimit,
    2147483647,
  );
});

const policy = "spec.podFailurePolicy.rules[0]";
const jobs: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", {}],
  [
    "Pods that always restart",
    { template: { spec: { ...podSpec, restartPolicy: "Always" } } },
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    "negative counts",
    { parallelism: -1, ttlSecondsAfterFinished: -5 },
    "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
    "spec.ttlSecondsAfterFinished: Invalid value: -5: must be greater than or equal to 0",
  ],
  [
    "an odd mode",
    { completionMode: "Odd" },
    'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
  ],
  [
    "indexes without an end",
    { completionMode: "Indexed", parallelism: 2 },
    "spec.completions: Required value: when completion mode is Indexed",
  ],
  [
    "limits by index without indexes",
    { backoffLimitPerIndex: 1 },
    "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
  ],
  [
    "its own selector without saying so",
    { selector: { matchLabels: { a: "b" } } },
    'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u1","a":"b"}}: `selector` not auto-generated',
    `spec.template.metadata.labels: Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
  ],
  [
    "its own selector",
    {
      manualSelector: true,
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: podSpec },
    },
  ],
  ["its own selector, missing", { manualSelector: true }, "spec.selector: Required value"],
  [
    "a failure rule for nothing",
    { podFailurePolicy: { rules: [{ action: "Odd" }] } },
    `${policy}.action: Unsupported value: "Odd": supported values: "Count", "FailIndex", "FailJob", "Ignore"`,
    `${policy}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
  ],
  [
    "a failure rule for success",
    { podFailurePolicy: { rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [0, 1] } }] } },
    `${policy}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`,
  ],
  [
    "a failure rule for codes in disorder",
    { podFailurePolicy: { rules: [{ action: "FailIndex", onExitCodes: { operator: "", values: [3, 2, 2] } }] } },
    `${policy}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`,
    `${policy}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`,
    `${policy}.onExitCodes.values[2]: Duplicate value: 2`,
    `${policy}.onExitCodes.values: Invalid value: [3,2,2]: must be ordered`,
  ],
  [
    "more indexes than can fail",
    { completionMode: "Indexed", completions: 2, backoffLimitPerIndex: 1, maxFailedIndexes: 3 },
    "spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions",
  ],
  [
    "very many indexes",
    { completionMode: "Indexed", completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 },
    "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
    "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
  ],
  [
    "a failure policy and restarts",
    {
      podFailurePolicy: { rules: [{ action: "Count", onPodConditions: [{ type: "DisruptionTarget" }] }] },
      template: { spec: { ...podSpec, restartPolicy: "OnFailure" } },
    },
    'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
  ],
];

for (const [name, spec, ...faults] of jobs) {
  test(`a Job with ${name}`, () => assert.deepEqual(faultsOf(jobKind, job(spec)), faults));
}

test("an indexed Job's name leaves room for its indexes", () => {
  const name = "a".repeat(61);
  assert.deepEqual(faultsOf(jobKind, job({ completionMode: "Indexed", completions: 10 }), { name }), []);
  assert.deepEqual(faultsOf(jobKind, job({ completionMode: "Indexed", completions: 11 }), { name }), [
    `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-10`,
  ]);
});

test("a Job stays what it is", () => {
  assert.deepEqual(
    changeFaults(jobKind, job(), job({ completions: 1, parallelism: 5, suspend: true, backoffLimit: 1 })),
    [],
  );
  assert.deepEqual(changeFaults(jobKind, job(), job({ completions: 2 })), [
    "spec.completions: Invalid value: 2: field is immutable",
  ]);
  const [fault = ""] = changeFaults(jobKind, job(), job({ template: { spec: { ...podSpec, nodeName: "n" } } }));
  assert.match(fault, /^spec\.template: Invalid value: .*: field is immutable$/);
});

test("a suspended Job that never ran can be scheduled anew; an indexed one grows with its parallelism", () => {
  const other = { template: { spec: { ...podSpec, nodeSelector: { a: "b" } } } };
  assert.deepEqual(changeFaults(jobKind, job({ suspend: true }), job({ suspend: true, ...other })), []);
  assert.equal(changeFaults(jobKind, job(), job(other)).length, 1);
  const indexed = (completions: number, parallelism: number) =>
    job({ completionMode: "Indexed", completions, parallelism });
  assert.deepEqual(changeFaults(jobKind, indexed(2, 2), indexed(3, 3)), []);
  assert.deepEqual(changeFaults(jobKind, indexed(2, 2), indexed(3, 2)), [
    "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism",
  ]);
});

const uid = "batch.kubernetes.io/controller-uid=u1";
const startTime = "2026-01-01T00:00:10Z";
const condition = (type: string) => [{ type, status: "True" }];
const rows: readonly (readonly [spec: Fields, status: Fields, metadata: Fields, want: string])[] = [
  [{}, {}, {}, "one | Running | 0/1 |  | 60s"],
  [{}, { startTime }, {}, "one | Running | 0/1 | 50s | 60s"],
  [
    { completions: 3 },
    { startTime, completionTime: "2026-01-01T00:00:15Z", succeeded: 3, conditions: condition("Complete") },
    {},
    "one | Complete | 3/3 | 5s | 60s",
  ],
  [{ parallelism: 4 }, { succeeded: 1 }, {}, "one | Running | 1/1 of 4 |  | 60s"],
  [{}, { conditions: condition("Failed") }, { deletionTimestamp: startTime }, "one | Failed | 0/1 |  | 60s"],
  [{}, { conditions: condition("Suspended") }, { deletionTimestamp: startTime }, "one | Terminating | 0/1 |  | 60s"],
  [{}, { conditions: condition("Suspended") }, {}, "one | Suspended | 0/1 |  | 60s"],
];

for (const [spec, status, metadata, want] of rows) {
  test(`Job columns: ${want}`, () => {
    const object = { ...made(jobKind, job(spec), metadata), status };
    assert.equal(row(jobKind, object), `${want} | main | main:1 | ${uid}`);
  });
}

test("Job titles", () => {
  assert.equal(titles(jobKind), "Name, Status, Completions, Duration, Age, +Containers, +Images, +Selector");
});

const cron = (spec: Fields = {}) => ({ spec: { schedule: "*/5 * * * *", jobTemplate: job(), ...spec } });

test("CronJob defaults leave the template of Jobs alone, but for its Pods", () => {
  const { spec } = made(cronJobKind, cron());
  assert.deepEqual(
    [spec.concurrencyPolicy, spec.suspend, spec.successfulJobsHistoryLimit, spec.failedJobsHistoryLimit],
    ["Allow", false, 3, 1],
  );
  assert.deepEqual(Object.keys(spec.jobTemplate.spec ?? {}), ["template"]);
  assert.equal(spec.jobTemplate.spec?.template.spec?.dnsPolicy, "ClusterFirst");
});

const crons: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", { timeZone: "Europe/Berlin" }],
  ["no schedule", { schedule: "" }, "spec.schedule: Required value"],
  [
    "a zone in its schedule",
    { schedule: "TZ=UTC 0 * * * *" },
    'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ],
  ["an odd zone", { timeZone: "Mars/X" }, 'spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X'],
  [
    "a local zone",
    { timeZone: "Local" },
    'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
  ],
  [
    "an odd policy",
    { concurrencyPolicy: "Odd" },
    'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", "Forbid", "Replace"',
  ],
  [
    "a selector",
    { jobTemplate: job({ selector: {} }) },
    "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
  ],
];

for (const [name, spec, ...faults] of crons) {
  test(`a CronJob with ${name}`, () => assert.deepEqual(faultsOf(cronJobKind, cron(spec)), faults));
}

test("a CronJob's name leaves room for its Jobs'", () => {
  const faults = (name: string) =>
    (cronJobKind.validate?.(made(cronJobKind, cron(), { name })) ?? []).map(formatFieldError);
  assert.deepEqual(faults("a".repeat(52)), []);
  assert.deepEqual(faults("a".repeat(53)), [
    `metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`,
  ]);
});

test("CronJob columns", () => {
  const object = { ...made(cronJobKind, cron()), status: { lastScheduleTime: "2026-01-01T00:00:30Z", active: [{}] } };
  assert.equal(
    titles(cronJobKind),
    "Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age, +Containers, +Images, +Selector",
  );
  assert.equal(row(cronJobKind, object), "one | */5 * * * * | <none> | False | 1 | 30s | 60s | main | main:1 | <none>");
});

const schedules: readonly (readonly [text: string, want: string])[] = [
  ["", "empty spec string"],
  ["* * *", "expected exactly 5 fields, found 3: [* * *]"],
  ["60 * * * *", "end of range (60) above maximum (59): 60"],
  ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
  ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
  ["*/0 * * * *", "step of range should be a positive number: */0"],
  ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
  ["1/2/3 * * * *", "too many slashes: 1/2/3"],
  ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ["@often", "unrecognized descriptor: @often"],
];

for (const [text, want] of schedules) test(`parseCron("${text}")`, () => assert.equal(parseCron(text), want));

test("parseCron() reads lists, ranges, steps and names", () => {
  const parsed = parseCron("0,30 8-18/5 1/10 jan-MAR Mon,5");
  assert.ok(typeof parsed !== "string");
  assert.deepEqual([...parsed.minutes], [0, 30]);
  assert.deepEqual([...parsed.hours], [8, 13, 18]);
  assert.deepEqual([...parsed.daysOfMonth], [1, 11, 21, 31]);
  assert.deepEqual([...parsed.months], [1, 2, 3]);
  assert.deepEqual([...parsed.daysOfWeek], [1, 5]);
  assert.deepEqual([parsed.anyDayOfMonth, parsed.anyDayOfWeek], [false, false]);
});

test("parseCron() reads words", () => {
  assert.deepEqual(parseCron("@weekly"), parseCron("0 0 * * 0"));
  const every = parseCron("@every 1h30m");
  assert.equal(typeof every === "string" ? every : every.everySeconds, 5400);
});
