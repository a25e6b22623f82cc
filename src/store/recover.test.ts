import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLog } from "../lib/log.ts";
import { open } from "./open-store.ts";
import { StoreCorruptError } from "./store.ts";

const root = await mkdtemp(join(tmpdir(), "fairlead-recover-"));
after(() => rm(root, { recursive: true }));
let directories = 0;
const newDirectory = (): string => join(root, String(directories++));
const logFile = "log.00000001";

/** A closed store of three commits: "a" (100 B), "b" (3,000 B), "c" (1,500 B); returns where each frame of its log ends. */
async function makeStore(dir: string): Promise<number[]> {
  const store = await open(dir);
  await store.close();
  const ends = [(await readFile(join(dir, logFile))).length];
  for (const [key, bytes] of [
    ["a", 100],
    ["b", 3000],
    ["c", 1500],
  ] as const) {
    const next = await open(dir);
    await next.create(key, () => Buffer.alloc(bytes, key));
    await next.close();
    ends.push((await readFile(join(dir, logFile))).length);
  }
  return ends;
}

/** Opens a copy of `dir` whose log is `bytes`; the keys that are there, and the warnings. */
async function openWith(dir: string, bytes: Buffer): Promise<{ keys: string; lines: string[] }> {
  const copy = newDirectory();
  await cp(dir, copy, { recursive: true });
  await writeFile(join(copy, logFile), bytes);
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
  const store = await open(copy, { log });
  const keys = (await store.list("")).entries.map((entry) => entry.key).join("");
  await store.create("next", () => Buffer.from("next"));
  await store.close();
  const again = await open(copy, { log });
  assert.equal(String((await again.get("next"))?.value), "next");
  await again.close();
  return { keys, lines };
}

test("a log cut anywhere in its last frame loses only that frame, with one log line", async () => {
  const dir = newDirectory();
  const ends = await makeStore(dir);
  const whole = await readFile(join(dir, logFile));
  const [start = 0, end = 0] = ends.slice(-2);
  for (const cut of [start + 1, start + 8, start + 15, start + 16, start + 40, start + 900, end - 1]) {
    const { keys, lines } = await openWith(dir, whole.subarray(0, cut));
    assert.equal(keys, "ab", `cut at ${cut}`);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /WARN.*dropped a write that a crash cut short.*offset=\d+/);
  }
  assert.deepEqual(await openWith(dir, whole), { keys: "abc", lines: [] });
  assert.deepEqual(await openWith(dir, whole.subarray(0, start)), { keys: "ab", lines: [] });
});

test("zeros after the last frame are room for more, not damage", async () => {
  const dir = newDirectory();
  await makeStore(dir);
  const whole = await readFile(join(dir, logFile));
  assert.deepEqual(await openWith(dir, Buffer.concat([whole, Buffer.alloc(100_000)])), { keys: "abc", lines: [] });
});

test("a last frame whose sectors did not all reach the disk is torn, whichever they are", async () => {
  const dir = newDirectory();
  const ends = await makeStore(dir);
  const whole = Buffer.concat([await readFile(join(dir, logFile)), Buffer.alloc(4096)]);
  const [start = 0, end = 0] = ends.slice(-2);
  for (let sector = Math.floor(start / 512) * 512; sector < end; sector += 512) {
    const bytes = Buffer.from(whole);
    bytes.fill(0, Math.max(start, sector), Math.min(end, sector + 512));
    const { keys, lines } = await openWith(dir, bytes);
    assert.deepEqual([keys, lines.length], ["ab", 1], `sector at ${sector}`);
  }
});

test("one flipped bit anywhere is refused with one sentence, and the files stay as they are", async () => {
  const dir = newDirectory();
  const ends = await makeStore(dir);
  const whole = Buffer.concat([await readFile(join(dir, logFile)), Buffer.alloc(4096)]);
  const end = ends.at(-1) ?? 0;
  const places = [
    0,
    4,
    8,
    12,
    17,
    ...ends.slice(0, -1).flatMap((at) => [at, at + 5, at + 9, at + 13, at + 30]),
    end - 1,
  ];
  for (const place of places) {
    const bytes = Buffer.from(whole);
    bytes[place] = (bytes[place] ?? 0) ^ 0x10;
    const copy = newDirectory();
    await cp(dir, copy, { recursive: true });
    await writeFile(join(copy, logFile), bytes);
    await assert.rejects(open(copy), (error: unknown) => {
      assert.ok(error instanceof StoreCorruptError, `byte ${place}`);
      assert.match(error.message, /^Cannot read ".*log\.00000001": the frame at byte \d+ is damaged, .*$/);
      return true;
    });
    assert.ok((await readFile(join(copy, logFile))).equals(bytes), `byte ${place}`);
  }
});

test("a sector blanked in the middle is damage, not a torn write", async () => {
  const dir = newDirectory();
  const ends = await makeStore(dir);
  const whole = await readFile(join(dir, logFile));
  const start = ends[1] ?? 0;
  for (const at of [start, start + 600]) {
    const bytes = Buffer.from(whole);
    bytes.fill(0, at, at + 1024);
    await assert.rejects(openWith(dir, bytes), StoreCorruptError);
  }
});

/** A store that has been rotated at least once: many updates of a few keys with a small log limit. */
async function rotate(dir: string, minLogBytes: number): Promise<string> {
  const store = await open(dir, { minLogBytes });
  for (let i = 0; i < 60; i++) {
    const key = `k${i % 5}`;
    const current = await store.get(key);
    const encode = (): Buffer => Buffer.alloc(1000, String(i % 10));
    await (current ? store.update(key, current.revision, encode) : store.create(key, encode));
  }
  const state = await stateOf(store);
  await store.close();
  return state;
}

async function stateOf(store: Awaited<ReturnType<typeof open>>): Promise<string> {
  const { entries, revision } = await store.list("");
  return JSON.stringify([revision, entries.map((entry) => [entry.key, entry.revision, String(entry.value)])]);
}

async function stateIn(dir: string): Promise<string> {
  const store = await open(dir);
  const state = await stateOf(store);
  await store.close();
  return state;
}

test("a grown log gives way to a snapshot, and the state is the same", async () => {
  const dir = newDirectory();
  const state = await rotate(dir, 10_000);
  const files = (await readdir(dir)).sort();
  assert.equal(files.length, 2, files.join());
  assert.notEqual(files[0], logFile);
  assert.equal(await stateIn(dir), state);
});

test("a crash between the steps of a rotation loses nothing", async () => {
  const before = newDirectory();
  const state = await rotate(before, 1e9);
  // The same changes, as they lie on the disk after each step.
  const crashed = newDirectory();
  await cp(before, crashed, { recursive: true });
  const store = await open(crashed, { minLogBytes: 1 });
  const current = await store.get("k0");
  await store.update("k0", current?.revision ?? 0, () => Buffer.from("last"));
  await store.close();
  const after = await stateIn(crashed);
  assert.notEqual(after, state);
  const [log = "", snapshot = ""] = (await readdir(crashed)).sort();
  assert.deepEqual([log, snapshot], ["log.00000002", "snapshot.00000002"]);
  const oldLog = await readFile(join(before, logFile));
  // Step 1, a temporary new log or snapshot: not looked at.
  await writeFile(join(before, "log.00000002.tmp"), "half");
  await writeFile(join(before, "snapshot.00000002.tmp"), "half");
  assert.equal(await stateIn(before), state);
  assert.deepEqual(await readdir(before), [logFile]);
  // Step 3, snapshot there, old log not yet removed: removed now.
  await writeFile(join(crashed, logFile), oldLog);
  assert.equal(await stateIn(crashed), after);
  assert.deepEqual((await readdir(crashed)).sort(), [log, snapshot]);
});

test("logs without their snapshot yet are replayed one after the other", async () => {
  const dir = newDirectory();
  const store = await open(dir, { minLogBytes: 1e9 });
  await store.create("a", () => Buffer.from("a"));
  await store.close();
  const first = await readFile(join(dir, logFile));
  const second = await open(dir, { minLogBytes: 1 });
  await second.create("b", () => Buffer.from("b"));
  await second.close();
  const third = await open(dir, { minLogBytes: 1e9 });
  await third.create("c", () => Buffer.from("c"));
  await third.close();
  const state = await stateIn(dir);
  // Log 1 up to "b" as it was when log 2 began; the snapshot "was not written".
  const rebuilt = newDirectory();
  await cp(dir, rebuilt, { recursive: true });
  await rm(join(rebuilt, "snapshot.00000002"));
  await writeFile(join(rebuilt, logFile), first);
  await assert.rejects(open(rebuilt), /must reach 3/);
  const donor = newDirectory();
  await cp(dir, donor, { recursive: true });
  for (const name of await readdir(donor)) await rm(join(donor, name));
  await writeFile(join(donor, logFile), first);
  const again = await open(donor, { minLogBytes: 1e9 });
  await again.create("b", () => Buffer.from("b"));
  await again.create("never acknowledged", () => Buffer.from("x"));
  await again.close();
  await cp(join(donor, logFile), join(rebuilt, logFile));
  assert.equal(await stateIn(rebuilt), state);
  await rm(join(rebuilt, logFile));
  await assert.rejects(open(rebuilt), /log\.00000001" is missing/);
});
