import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../lib/log.ts";
import { open } from "./open-store.ts";

const rounds = 24;
/** After it no more rounds than these. */
const wantedMs = 15_000;
const fewest = { rounds: 10, writes: 1000 };
const child = join(import.meta.dirname, "kill-storm.child.ts");

interface Acknowledged {
  readonly type: string;
  readonly revision: number;
  readonly step: string;
  /** Its deletion had begun after that, so it may be gone without an acknowledgement. */
  readonly intent: boolean;
}

/** Lets a child write for `runMs`, kills it with SIGKILL and returns the lines that it had printed whole. */
async function storm(dir: string, round: number, runMs: number): Promise<string[]> {
  const process_: ChildProcess = spawn(process.execPath, [child, dir, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let timer: NodeJS.Timeout | undefined;
  process_.stdout?.on("data", (data) => {
    output += data;
    timer ??= setTimeout(() => process_.kill("SIGKILL"), runMs);
  });
  const [, signal] = await once(process_, "close");
  clearTimeout(timer);
  assert.equal(signal, "SIGKILL", "the child ended by itself");
  return output.slice(0, output.lastIndexOf("\n")).split("\n");
}

test("every acknowledged write survives kill -9 at any moment, with its revision", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-storm-"));
  t.after(() => rm(dir, { recursive: true }));
  const end = Date.now() + wantedMs;
  const acknowledged = new Map<string, Acknowledged>();
  let newest = 0;
  let writes = 0;
  let done = 0;
  const isEnough = () => done >= fewest.rounds && writes >= fewest.writes && Date.now() >= end;
  for (let round = 0; round < rounds && !isEnough(); round++, done++) {
    const lines = await storm(dir, round, Math.random() * 200);
    for (const line of lines) {
      const [type = "", key = "", revision = "", step = ""] = line.split(" ");
      if (type === "open") {
        assert.ok(Number(key) >= newest, `opened at ${key} after ${newest}`);
        continue;
      }
      const last = acknowledged.get(key);
      if (type === "deleting") {
        if (last) acknowledged.set(key, { ...last, intent: true });
        continue;
      }
      assert.ok(Number(revision) > (last?.revision ?? 0));
      acknowledged.set(key, { type, revision: Number(revision), step, intent: false });
      newest = Math.max(newest, Number(revision));
      writes++;
    }
    newest = await check(dir, acknowledged, newest);
  }
  assert.ok(writes >= fewest.writes, `only ${writes} acknowledged writes`);
});

/** Compares the recovered state with what was acknowledged; returns its revision. */
async function check(dir: string, acknowledged: ReadonlyMap<string, Acknowledged>, newest: number): Promise<number> {
  const store = await open(dir, { log: createLog(() => {}) });
  assert.ok(store.revision >= newest, `revision ${store.revision} after ${newest} was acknowledged`);
  for (const [key, { type, revision, step, intent }] of acknowledged) {
    const entry = await store.get(key);
    if (entry && entry.revision > revision) {
      // In flight when the child was killed: it may have become durable.
      assert.equal(entry.value.toString().trimEnd().split(":")[1], String(entry.revision));
    } else if (type === "put" && entry) {
      assert.equal(entry.revision, revision);
      assert.equal(entry.value.toString().trimEnd(), `${step}:${revision}`);
    } else if (type === "put") {
      assert.ok(intent, `${key} of revision ${revision} is lost`);
    } else {
      assert.equal(entry, undefined, `${key} came back after its deletion`);
    }
  }
  const { revision } = store;
  await store.close();
  return revision;
}
