import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { ManualClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import { writeAll } from "./files.ts";
import { open } from "./open-store.ts";
import { type Store, StoreUnavailableError } from "./store.ts";

const root = await mkdtemp(join(tmpdir(), "fairlead-disk-"));
const small = join(root, "small");
await mkdir(small);
after(() => rm(root, { recursive: true }));

test("on a full disk writes are refused whole, and accepted again once there is room", async () => {
  // A file system of 2 MB in a mount namespace of its own; both end with the child.
  const script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1" "$4"';
  const child = join(import.meta.dirname, "full-disk.child.ts");
  const namespaces = ["--user", "--map-root-user", "--mount"];
  const { stdout } = await promisify(execFile)(
    "unshare",
    [...namespaces, "sh", "-c", script, "sh", small, process.execPath, child, join(root, "copy")],
    { timeout: 20_000 },
  );
  const { full, visible, afterCrash, accepted, found, events, message, revision } = JSON.parse(stdout);
  assert.ok(full.accepted > 0 && full.refused > 0, stdout);
  assert.equal(full.revision, 1 + full.accepted);
  assert.equal(visible.length, full.accepted);
  assert.deepEqual(afterCrash, visible);
  assert.ok(accepted.includes("after"));
  assert.deepEqual(found, accepted);
  assert.deepEqual(events.toSorted(), accepted);
  assert.equal(revision, 1 + accepted.length);
  assert.match(message, /^Cannot write to the store ".*": ENOSPC: no space left on device, write$/);
});

test("a disk too full for the zeros written in advance takes the writes that fit", async () => {
  let roomBytes = 100_000;
  const refused: number[] = [];
  const write: typeof writeAll = async (file, buffers, position) => {
    const bytes = Buffer.concat(buffers);
    if (bytes.length <= roomBytes) return writeAll(file, [bytes], position);
    refused.push(bytes.length);
    await writeAll(file, [bytes.subarray(0, roomBytes)], position);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  const dir = join(root, "room");
  const log = createLog(() => {});
  const store = await open(dir, { write, log });
  const path = join(dir, "log.00000001");
  const text = (): Buffer => Buffer.from("text");
  await store.create("a", text);
  assert.ok((await stat(path)).size < 1000, "only the frame is there");
  await store.create("b", text);
  assert.equal(refused.length, 2);
  roomBytes = 1e9;
  await store.create("c", text);
  assert.ok((await stat(path)).size > 500_000, "the log is longer than what it holds");
  await store.create("d", text);
  const crashed = join(root, "room-crashed");
  await cp(dir, crashed, { recursive: true, filter: (source) => !source.endsWith("lock") });
  await store.close();
  assert.ok((await stat(path)).size < 1000, "a clean stop cuts the zeros off");
  for (const place of [crashed, dir]) {
    const again = await open(place, { log });
    assert.deepEqual(
      (await again.list("")).entries.map((entry) => entry.key),
      ["a", "b", "c", "d"],
    );
    await again.close();
  }
});

test("after a failed sync writes are refused until the whole state could be written anew", async () => {
  const clock = new ManualClock();
  let failing = false;
  const write: typeof writeAll = async (...args) => {
    if (failing) throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
    await writeAll(...args);
  };
  const dir = join(root, "sync");
  const log = createLog(() => {});
  const store = await open(dir, { write, clock, log });
  const text = (): Buffer => Buffer.from("text");
  await store.create("a", text);
  failing = true;
  const both = await Promise.allSettled([store.create("b", text), store.create("c", text)]);
  for (const result of both) assert.ok(result.status === "rejected" && result.reason instanceof StoreUnavailableError);
  failing = false;
  await assert.rejects(store.create("d", text), /EIO/);
  assert.deepEqual([store.revision, (await store.list("")).entries.length], [2, 1]);
  // As long as the state cannot be written to fresh files, nothing is accepted.
  const blocker = join(dir, "snapshot.00000002.tmp");
  await mkdir(blocker);
  clock.advance(1000);
  await assert.rejects(store.create("d", text), /EIO/);
  await rmdir(blocker);
  clock.advance(1000);
  assert.equal((await store.create("e", text)).revision, 3);
  await store.close();
  const again = await open(dir, { log });
  assert.deepEqual(
    (await again.list("")).entries.map((entry) => `${entry.key}@${entry.revision}`),
    ["a@2", "e@3"],
  );
  await again.close();
});

test("a snapshot that failed is made up for: soon in the same process, at once in the next one", async () => {
  const dir = join(root, "late-snapshot");
  const log = createLog(() => {});
  const minLogBytes = 64 * 1024;
  const value = (): Buffer => Buffer.alloc(4096);
  const files = async () => (await readdir(dir)).filter((name) => /^(log|snapshot)\.\d+$/.test(name)).sort();
  const settled = async (wanted: readonly string[]) => {
    for (let tries = 0; tries < 1000 && (await files()).join() !== wanted.join(); tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await files(), wanted);
  };
  const write = async (store: Store, count: number) => {
    for (let n = 0; n < count; n++) {
      const before = await store.get("a");
      await (before ? store.update("a", before.revision, value) : store.create("a", value));
    }
  };
  let store = await open(dir, { log, minLogBytes });
  await mkdir(join(dir, "snapshot.00000002.tmp"));
  await mkdir(join(dir, "snapshot.00000003.tmp"));
  await write(store, 17);
  await settled(["log.00000001", "log.00000002"]);
  await write(store, 2);
  assert.deepEqual(await files(), ["log.00000001", "log.00000002"], "not with every write");
  await write(store, 3);
  await settled(["log.00000001", "log.00000002", "log.00000003"]);
  await store.close();
  for (const name of ["snapshot.00000002.tmp", "snapshot.00000003.tmp"]) await rmdir(join(dir, name));
  store = await open(dir, { log, minLogBytes });
  await write(store, 1);
  await settled(["log.00000004", "snapshot.00000004"]);
  assert.equal((await store.get("a"))?.revision, 24);
  await store.close();
});
