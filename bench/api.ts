/**
 * The API server in a process of its own, over TLS; in the same run, in turns, kube-apiserver with etcd when
 * FAIRLEAD_BENCH_KUBE_APISERVER and FAIRLEAD_BENCH_ETCD name these programs. `--only watch` measures that part alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { creates, fill, hotUpdates, list, type WatchDelays, watchDelays } from "./api/load.ts";
import { measureMany } from "./api/many.ts";
import { wantedParts } from "./api/options.ts";
import { type Subject, startFairlead, startKubeApiserver } from "./api/subject.ts";

const parts = wantedParts(process.argv.slice(2));
/** FAIRLEAD_BENCH_QUICK=1: fewer rounds and objects, for a look on a busy machine. */
const quick = process.env.FAIRLEAD_BENCH_QUICK === "1";
const rounds = quick ? 2 : 5;
const writeMs = quick ? 1000 : 2000;
const pods = quick ? 1000 : 10_000;
/** 1,000 watchers, 500 writes a second: each write goes to the ten watchers of its namespace. */
const watch = { spaces: 100, perSpace: 10, writes: 2500, uncounted: 500, perSecond: 500 };
const forms = {
  JSON: "application/json",
  protobuf: "application/vnd.kubernetes.protobuf",
  table: "application/json;as=Table;v=v1;g=meta.k8s.io",
} as const;

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

const rows: Record<string, Record<string, string>> = {};

function note(what: string, subject: Subject, value: number, unit: string): void {
  rows[what] ??= {};
  rows[what][subject.name] = `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}

/** Measures in rounds in which all subjects take turns. */
async function inTurns(
  what: string,
  unit: string,
  subjects: readonly Subject[],
  measure: (subject: Subject) => Promise<number>,
): Promise<void> {
  const values = subjects.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) values[index]?.push(await measure(subject));
  }
  noteRounds(what, unit, subjects, values);
}

/** Each subject's median of the rounds, and the median of the rounds' ratios. */
function noteRounds(
  what: string,
  unit: string,
  subjects: readonly Subject[],
  values: readonly (readonly number[])[],
): void {
  for (const [index, subject] of subjects.entries()) note(what, subject, quantile(values[index] ?? [], 0.5), unit);
  // What is known so far is not lost when the run is broken off.
  console.log(
    `${what} (${unit}): ${values.map((list) => list.map((value) => value.toFixed(value < 100 ? 1 : 0)).join(" ")).join(" | ")}`,
  );
  const [own = [], other] = values;
  const ratio =
    other &&
    quantile(
      own.map((value, round) => value / (other[round] ?? Number.NaN)),
      0.5,
    );
  if (ratio) Object.assign(rows[what] ?? {}, { ratio: ratio.toFixed(2) });
}

const dir = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
const own = await startFairlead(join(dir, "fairlead"));
const peer = await startKubeApiserver(join(dir, "kube-apiserver"));
const subjects = peer ? [own, peer] : [own];
try {
  await prepare(own);
  if (parts.has("creates"))
    await inTurns("durable creates, 16 clients", "/s", subjects, ({ endpoint }) => creates(endpoint, writeMs));
  if (parts.has("updates"))
    await inTurns("updates of one object, 16 clients", "/s", subjects, ({ endpoint }) => hotUpdates(endpoint, writeMs));
  if (parts.has("list") || parts.has("watch")) for (const { endpoint } of subjects) await fill(endpoint, pods);
  if (parts.has("list")) await lists();
  if (parts.has("watch")) await watches();
  for (const subject of subjects) note("memory after all that", subject, subject.rssBytes() / 1e6, "MB");
} finally {
  await peer?.stop();
  await own.stop();
}
if (parts.has("many")) {
  const many = await measureMany(join(dir, "many"));
  rows["memory at 50,000 objects, over the JSON of each"] = { fairlead: `${many.bytesOver.toFixed(0)} B` };
  rows["kill -9 to the first answer, 50,000 objects"] = { fairlead: `${many.firstAnswerMs.toFixed(0)} ms` };
}
console.table(rows);
rmSync(dir, { recursive: true, force: true });
process.exit();

async function prepare({ endpoint }: Subject): Promise<void> {
  const { HttpConnection } = await import("../test/support/http-connection.ts");
  const { request } = await import("./api/load.ts");
  const connection = await HttpConnection.open(endpoint);
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
  await connection.ask(request(endpoint, "POST", "/api/v1/namespaces", body));
  connection.close();
}

async function lists(): Promise<void> {
  for (const [form, accept] of Object.entries(forms)) {
    await inTurns(
      `list of ${pods} Pods, ${form}`,
      "ms",
      subjects,
      async ({ endpoint }) => (await list(endpoint, accept)).ms,
    );
  }
}

async function watches(): Promise<void> {
  const measured = subjects.map((): WatchDelays[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const delays = await watchDelays(subject, watch);
      const whole = watch.writes * watch.perSpace;
      if (delays.events.length !== whole)
        console.log(`${subject.name}: ${delays.events.length} of ${whole} events arrived`);
      measured[index]?.push(delays);
    }
  }
  for (const part of [0.5, 0.99]) {
    const name = `p${part * 100}, 1,000 watchers, 500 writes/s`;
    const values = (of: "events" | "writes"): number[][] =>
      measured.map((delays) => delays.map((round) => quantile(round[of], part)));
    noteRounds(`watch delay ${name}`, "ms", subjects, values("events"));
    noteRounds(`of it the write itself ${name}`, "ms", subjects, values("writes"));
  }
  const each = (of: "processorMs" | "loadBusy", unit = 1): number[][] =>
    measured.map((delays) => delays.map((round) => round[of] * unit));
  noteRounds("of it processor time of the server, a write with its ten events", "ms", subjects, each("processorMs"));
  noteRounds("of it the load's own thread at work", "%", subjects, each("loadBusy", 100));
}
