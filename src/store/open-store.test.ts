import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { constants, mkdtemp, open as openFile, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLog } from "../lib/log.ts";
import { testStore } from "./conformance.ts";
import { until } from "./conformance-support.ts";
import { writeAll } from "./files.ts";
import { open, openInMemory } from "./open-store.ts";
import { CompactedError, StoreInUseError } from "./store.ts";

const root = await mkdtemp(join(tmpdir(), "fairlead-store-"));
after(() => rm(root, { recursive: true }));

let directories = 0;
const newDirectory = (): string => join(root, String(directories++));
const close = (store: { close(): Promise<void> }): Promise<void> => store.close();

testStore("store on disk", () => open(newDirectory()), close);
testStore("store in memory", async () => openInMemory(), close);

const text = (value: string) => (): Buffer => Buffer.from(value);

test("open() finds entries, deletes, revision and history again", async () => {
  const dir = newDirectory();
  const first = await open(dir);
  await Promise.all(["a", "b", "c"].map((key) => first.create(key, text(key))));
  const b = await first.get("b");
  const last = await first.delete("b", b?.revision ?? 0, text("gone"));
  await first.close();
  const second = await open(dir);
  assert.equal(second.revision, last.revision);
  assert.deepEqual(
    (await second.list("")).entries.map((entry) => `${entry.key}@${entry.revision}`),
    ["a@2", "c@4"],
  );
  const seen: string[] = [];
  second.watch("", 3, (events) => seen.push(...events.map(({ type, entry }) => `${type} ${entry.key} ${entry.value}`)));
  await new Promise(setImmediate);
  assert.deepEqual(seen, ["put c c", "delete b gone"]);
  assert.equal((await second.create("d", text("d"))).revision, last.revision + 1);
  await second.close();
});

test("open() refuses a directory in use with one sentence, and takes over from a closed store", async () => {
  const dir = newDirectory();
  const store = await open(dir);
  await assert.rejects(open(dir), (error: unknown) => {
    assert.ok(error instanceof StoreInUseError);
    assert.equal(error.message, `Cannot open the store "${dir}": process ${process.pid} uses it`);
    return true;
  });
  await store.close();
  await (await open(dir)).close();
});

test("history is bounded by count and by bytes", async () => {
  for (const options of [{ historyLimit: 10 }, { historyBytes: 10_000 }]) {
    const store = openInMemory(options);
    let { revision } = await store.create("a", () => Buffer.alloc(800));
    for (let i = 0; i < 50; i++) ({ revision } = await store.update("a", revision, () => Buffer.alloc(800)));
    assert.throws(() => store.watch("", revision - 20, () => {}), CompactedError);
    store.watch("", revision - 5, () => {}).close();
    await store.close();
  }
});

test("a watcher that throws is closed and logged; the others go on", async () => {
  const lines: string[] = [];
  const store = openInMemory({ log: createLog((line) => lines.push(line)) });
  let seen = 0;
  store.watch("", store.revision, () => {
    throw new Error("broken watcher");
  });
  store.watch("", store.revision, (events) => {
    seen += events.length;
  });
  await store.create("a", text("a"));
  await store.create("b", text("b"));
  assert.equal(seen, 2);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /broken watcher/);
  await store.close();
});

test("watchers of one prefix, live or catching up from one revision, share one batch", async () => {
  const store = openInMemory();
  await store.create("/a/1", text("1"));
  const batches = new Map<string, Set<unknown>>([
    ["live", new Set()],
    ["backlog", new Set()],
  ]);
  for (let i = 0; i < 1000; i++) {
    store.watch("/a/", store.revision, (events) => batches.get("live")?.add(events));
    store.watch("/a/", store.revision - 1, (events) => {
      if (events[0]?.entry.key === "/a/1") batches.get("backlog")?.add(events);
    });
  }
  await Promise.all([
    store.create("/a/2", text("2")),
    store.create("/b/1", text("3")),
    store.create("/a/3", text("4")),
  ]);
  assert.deepEqual([batches.get("live")?.size, batches.get("backlog")?.size], [1, 1]);
  await store.close();
});

test("nothing is answered, read, listed or watched before it is durable; what comes meanwhile shares the next write", async () => {
  const disk: PromiseWithResolvers<void>[] = [];
  const write: typeof writeAll = async (...args) => {
    const next = Promise.withResolvers<void>();
    disk.push(next);
    await next.promise;
    await writeAll(...args);
  };
  const store = await open(newDirectory(), { write });
  const log: string[] = [];
  store.watch("", store.revision, (events, revision) =>
    log.push(`watch ${events.map((event) => event.entry.key).join("")} @${revision}`),
  );
  const create = (key: string): Promise<unknown> => store.create(key, text(key)).then(() => log.push(`done ${key}`));
  const first = create("a");
  await until(() => disk.length === 1);
  const rest = [create("b"), create("c")];
  await assert.rejects(
    Promise.race([create("a"), new Promise((_, reject) => setTimeout(reject, 50, new Error("still waiting")))]),
    /still waiting/,
  );
  assert.deepEqual([store.revision, await store.get("a"), (await store.list("")).entries, log], [1, undefined, [], []]);
  disk[0]?.resolve();
  await first;
  assert.deepEqual([store.revision, disk.length <= 2], [2, true]);
  await until(() => disk.length === 2);
  disk[1]?.resolve();
  await Promise.all(rest);
  assert.deepEqual(log, ["watch a @2", "done a", "watch bc @4", "done b", "done c"]);
  await store.close();
});

test("the log is made durable when it is opened, and each write of it when it is written", async (t) => {
  const dir = newDirectory();
  const first = await open(dir);
  await first.create("a", text("a"));
  await first.close();
  const handle = await openFile(join(dir, "log.00000001"));
  const sync = t.mock.method(Object.getPrototypeOf(handle) as typeof handle, "sync");
  await handle.close();
  const store = await open(dir);
  assert.equal(sync.mock.callCount(), 1);
  const own = `${dir}/log.`;
  const descriptors = await Promise.all(
    (await readdir("/proc/self/fd")).map(async (fd) => ({
      fd,
      path: await readlink(`/proc/self/fd/${fd}`).catch(() => ""),
    })),
  );
  const flags = descriptors
    .filter(({ path }) => path.startsWith(own))
    .map(({ fd }) =>
      Number.parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "", 8),
    );
  assert.deepEqual(
    flags.map((each) => each & constants.O_DSYNC),
    [constants.O_DSYNC],
  );
  await store.close();
});
