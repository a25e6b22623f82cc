/**
 * The API server in a process of its own, over TLS; in the same run, in turns, kube-apiserver with etcd when
 * FAIRLEAD_BENCH_KUBE_APISERVER and FAIRLEAD_BENCH_ETCD name these programs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { creates, fill, hotUpdates, list, watchDelays } from "./api/load.ts";
import { measureMany } from "./api/many.ts";
import { type Subject, startFairlead, startKubeApiserver } from "./api/subject.ts";

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

/** The median of some rounds in which all subjects take turns, and the median of the rounds' ratios. */
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
  for (const [index, subject] of subjects.entries()) note(what, subject, quantile(values[index] ?? [], 0.5), unit);
  // What is known so far is not lost when the run is broken off.
  console.log(
    `${what} (${unit}): ${values.map((list) => list.map((value) => value.toFixed(0)).join(" ")).join(" | ")}`,
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
  await inTurns("durable creates, 16 clients", "/s", subjects, ({ endpoint }) => creates(endpoint, writeMs));
  await inTurns("updates of one object, 16 clients", "/s", subjects, ({ endpoint }) => hotUpdates(endpoint, writeMs));
  for (const { endpoint } of subjects) await fill(endpoint, pods);
  for (const [form, accept] of Object.entries(forms)) {
    await inTurns(
      `list of ${pods} Pods, ${form}`,
      "ms",
      subjects,
      async ({ endpoint }) => (await list(endpoint, accept)).ms,
    );
  }
  for (const subject of subjects) {
    const delays = await watchDelays(subject.endpoint, watch);
    const whole = watch.writes * watch.perSpace;
    if (delays.events.length !== whole)
      console.log(`${subject.name}: ${delays.events.length} of ${whole} events arrived`);
    for (const part of [0.5, 0.99]) {
      const name = `p${part * 100}, 1,000 watchers, 500 writes/s`;
      note(`watch delay ${name}`, subject, quantile(delays.events, part), "ms");
      note(`of it the write itself ${name}`, subject, quantile(delays.writes, part), "ms");
    }
    note("memory after all that", subject, subject.rssBytes() / 1e6, "MB");
  }
} finally {
  await peer?.stop();
  await own.stop();
}
const many = await measureMany(join(dir, "many"));
rows["memory at 50,000 objects, over the JSON of each"] = { fairlead: `${many.bytesOver.toFixed(0)} B` };
rows["kill -9 to the first answer, 50,000 objects"] = { fairlead: `${many.firstAnswerMs.toFixed(0)} ms` };
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
