import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isolate } from "./isolate.ts";
import { bindMount, detachMountsBelow, mountsBelow, mountTmpfs } from "./mount.ts";
import { deleteNetns, ensureNetns, listNetns, netnsExists } from "./netns.ts";
import { childrenOf, identify, isAlive, listProcesses, parseStat, readProcess, signalProcess } from "./processes.ts";
import { createUts, deleteUts, withinUts } from "./uts.ts";

const options = isolate();

describe("mounts and namespaces", options, () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead namespaces-"));
  after(() => {
    detachMountsBelow(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  test("tmpfs and bind mounts, found again in a folder with a blank in its name", () => {
    mountTmpfs(folder, { size: "1m", mode: 0o700 });
    assert.equal(statfsSync(folder).blocks * statfsSync(folder).bsize, 1 << 20);
    writeFileSync(join(folder, "a"), "text");
    for (const name of ["b", "c"]) writeFileSync(join(folder, name), "");
    bindMount(join(folder, "a"), join(folder, "b"));
    bindMount(join(folder, "a"), join(folder, "c"), { readOnly: true });
    assert.equal(readFileSync(join(folder, "b"), "utf8"), "text");
    assert.throws(() => writeFileSync(join(folder, "c"), "other"), { code: "EROFS" });
    assert.deepEqual(mountsBelow(folder), [folder, join(folder, "b"), join(folder, "c")]);
    detachMountsBelow(folder);
    assert.deepEqual(mountsBelow(folder), []);
    assert.throws(() => bindMount(join(folder, "gone"), folder), {
      code: "ENOENT",
      message: /^Cannot mount ".*gone" at "/,
    });
  });

  test("a network namespace is made once, also over the empty file that a crash left", () => {
    const path = join(folder, "netns", "node-1");
    mkdirSync(join(folder, "netns"));
    writeFileSync(path, "");
    assert.equal(netnsExists(path), false);
    assert.equal(ensureNetns(path), true);
    assert.equal(ensureNetns(path), false);
    assert.deepEqual(listNetns(join(folder, "netns")), ["node-1"]);
    assert.equal(deleteNetns(path), true);
    assert.equal(deleteNetns(path), false);
    assert.equal(existsSync(path), false);
    assert.deepEqual(listNetns(join(folder, "gone")), []);
  });

  test("a UTS namespace gives a spawned process its host name", () => {
    const path = join(folder, "uts");
    createUts(path, "backend-1");
    const run = () => spawnSync("uname", ["-n"], { encoding: "utf8" }).stdout.trim();
    assert.equal(withinUts(path, run), "backend-1");
    assert.notEqual(run(), "backend-1");
    assert.equal(deleteUts(path), true);
  });
});

describe("processes", () => {
  test("parseStat() copes with any program name", () => {
    const rest = `S 1 ${Array.from({ length: 30 }, (_, i) => 5 + i).join(" ")}`;
    assert.deepEqual(parseStat(`42 (a) b (c) ${rest}`), {
      pid: 42,
      name: "a) b (c",
      state: "S",
      parentPid: 1,
      session: 6,
      startTime: "22",
    });
    assert.equal(parseStat("nonsense"), undefined);
  });

  test("a child is found, signalled and gone", async () => {
    const child = spawn("sleep", ["60"]);
    const identity = identify(child.pid ?? 0);
    assert.ok(identity);
    assert.equal(readProcess(identity.pid)?.parentPid, process.pid);
    assert.ok(childrenOf(process.pid).includes(identity.pid));
    assert.ok(listProcesses().some(({ pid }) => pid === identity.pid));
    assert.equal(isAlive(identity), true);
    const other = { ...identity, startTime: "1" };
    assert.equal(isAlive(other), false);
    assert.equal(signalProcess(other, "SIGKILL"), false);
    const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    assert.equal(signalProcess(identity, "SIGTERM"), true);
    assert.equal(await ended, "SIGTERM");
    assert.equal(isAlive(identity), false);
    assert.equal(signalProcess(identity, "SIGTERM"), false);
    assert.deepEqual(childrenOf(identity.pid), []);
  });
});
