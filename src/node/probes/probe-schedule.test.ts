import assert from "node:assert/strict";
import test from "node:test";
import { afterProbe, initialProbeState, type ProbeKind, probeTiming } from "./probe-schedule.ts";

interface Case {
  readonly name: string;
  readonly kind: ProbeKind;
  readonly probe?: Parameters<typeof probeTiming>[0];
  readonly exec?: boolean;
  /** "+" good, "-" bad, each a probe. */
  readonly results: string;
  /** Age of the container at the first probe. */
  readonly ageMs: number;
  /** The word and the wait after each probe. */
  readonly want: string;
}

const cases: readonly Case[] = [
  {
    name: "readiness is soon asked again while the container is young",
    kind: "readiness",
    results: "---+",
    ageMs: 5,
    want: "bad 10, bad 20, bad 40, good 10000",
  },
  {
    name: "a command is asked less often",
    kind: "readiness",
    exec: true,
    results: "--+",
    ageMs: 5,
    want: "bad 100, bad 200, good 10000",
  },
  {
    name: "an old container is asked once a period",
    kind: "readiness",
    results: "--+",
    ageMs: 60_000,
    want: "bad 10000, bad 10000, good 10000",
  },
  {
    name: "an initial delay means: do not ask eagerly",
    kind: "readiness",
    probe: { initialDelaySeconds: 1 },
    results: "-+",
    ageMs: 1_000,
    want: "bad 10000, good 10000",
  },
  {
    name: "readiness is lost after failureThreshold",
    kind: "readiness",
    results: "+---",
    ageMs: 60_000,
    want: "good 10000, good 10000, good 10000, bad 10000",
  },
  {
    name: "successThreshold counts",
    kind: "readiness",
    probe: { successThreshold: 2, periodSeconds: 1 },
    results: "++",
    ageMs: 60_000,
    want: "bad 1000, good 1000",
  },
  {
    name: "liveness is good until three failures in a row",
    kind: "liveness",
    results: "--+---",
    ageMs: 0,
    want: "good 10000, good 10000, good 10000, good 10000, good 10000, bad 10000",
  },
  {
    name: "startup fails for good",
    kind: "startup",
    probe: { failureThreshold: 2 },
    results: "--",
    ageMs: 20_000,
    want: "bad 10000, bad 10000",
  },
];
for (const { name, kind, probe = {}, exec = false, results, ageMs, want } of cases) {
  test(`afterProbe(): ${name}`, () => {
    const timing = probeTiming(probe);
    let state = initialProbeState(kind);
    let age = ageMs;
    const seen = [...results].map((result) => {
      const outcome = afterProbe(state, result === "+", { kind, timing, exec, ageMs: age });
      state = outcome.state;
      age += outcome.delayMs;
      return `${state.good ? "good" : "bad"} ${outcome.delayMs}`;
    });
    assert.equal(seen.join(", "), want);
  });
}

test("eager failures neither count for the threshold nor make Events", () => {
  const timing = probeTiming({ failureThreshold: 1 });
  const outcome = afterProbe(initialProbeState("startup"), false, { kind: "startup", timing, exec: false, ageMs: 10 });
  assert.equal(outcome.counted, false);
  assert.equal(outcome.state.streak, undefined);
});
