import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { GroupCommit, type Write } from "./group-commit.ts";
import type { Journal } from "./journal.ts";

/** A disk that is as slow as the test wants, and what happened in which order. */
function setUp() {
  const happened: string[] = [];
  const flushes: PromiseWithResolvers<void>[] = [];
  const disk = { due: false };
  const journal: Journal = {
    append(records) {
      happened.push(`append ${records.map(({ key }) => key).join("")}`);
      const flush = Promise.withResolvers<void>();
      flushes.push(flush);
      return flush.promise;
    },
    get due() {
      return disk.due;
    },
    async maintain(revision) {
      happened.push(`maintain ${revision}`);
      disk.due = false;
    },
    async close() {},
  };
  const commit = new GroupCommit<Write>(journal, {
    durable: (writes) => {
      happened.push(`durable ${writes.map(({ record }) => record.key).join("")}`);
      return writes.at(-1)?.record.revision ?? 0;
    },
    failed: (error) => {
      happened.push("failed");
      return error;
    },
  });
  let revision = 1;
  const add = (key: string): void => {
    commit.add({
      record: { kind: "put", revision: ++revision, key, value: Buffer.alloc(0) },
      resolve: () => happened.push(`done ${key}`),
      reject: () => happened.push(`refused ${key}`),
    });
  };
  return { happened, disk, commit, add, flush: () => flushes.shift() ?? assert.fail("nothing is on its way") };
}

test("writes of one turn are a group; what comes while it is on its way is the next, sent before its readers are told", async () => {
  const { happened, commit, add, flush } = setUp();
  add("a");
  add("b");
  await setImmediate();
  add("c");
  add("d");
  await setImmediate();
  assert.deepEqual(happened.splice(0), ["append ab"]);
  flush().resolve();
  await setImmediate();
  assert.deepEqual(happened.splice(0), ["append cd", "durable ab", "done a", "done b"]);
  flush().resolve();
  await commit.idle();
  assert.deepEqual(happened, ["durable cd", "done c", "done d", "maintain 5"]);
});

test("nothing is on its way to the disk during maintenance", async () => {
  const { happened, disk, commit, add, flush } = setUp();
  add("a");
  await setImmediate();
  add("b");
  disk.due = true;
  flush().resolve();
  await setImmediate();
  await setImmediate();
  assert.deepEqual(happened.splice(0), ["append a", "durable a", "done a", "maintain 2", "append b"]);
  flush().resolve();
  await commit.idle();
});

test("a group that fails takes those behind it with it, not the one before it", async () => {
  const { happened, commit, add, flush } = setUp();
  add("a");
  await setImmediate();
  add("b");
  flush().resolve();
  await setImmediate();
  add("c");
  flush().reject(new Error("no"));
  await setImmediate();
  assert.deepEqual(happened, ["append a", "append b", "durable a", "done a", "failed", "refused b", "refused c"]);
  await commit.idle();
  add("d");
  await setImmediate();
  flush().resolve();
  await commit.idle();
  assert.deepEqual(happened.slice(-4), ["append d", "durable d", "done d", "maintain 5"]);
});
