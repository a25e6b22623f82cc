import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { pipe } from "./ffi.ts";
import { readProcess } from "./processes.ts";
import { spawnSession } from "./spawn.ts";

const env = { PATH: "/usr/bin:/bin", GREETING: "a b", NONE: undefined };

describe("spawnSession()", () => {
  it("gives folder, variables and descriptors, and nothing else", async () => {
    const { read, write } = pipe();
    const script = `pwd; echo "$GREETING"; env | grep -c ^NONE; grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd`;
    const stdio = ["ignore", write, "ignore"] as const;
    const child = spawnSession("/bin/sh", ["-c", script], { cwd: tmpdir(), env, stdio });
    closeSync(write);
    const output = await text(new Socket({ fd: read, readable: true, writable: false }));
    const none = "0000000000000000";
    const [folder, greeting, count, blocked, ignored, ...descriptors] = output.trim().split("\n");
    assert.deepEqual([folder, greeting, count], [tmpdir(), "a b", "0"]);
    assert.deepEqual([blocked, ignored], [`SigBlk:\t${none}`, `SigIgn:\t${none}`]);
    for (const fd of ["0", "1", "2"]) assert.ok(descriptors.includes(fd), fd);
    for (const fd of [read, write]) assert.ok(!descriptors.includes(String(fd)), `${fd} of this process`);
    assert.equal(await child.exit, 0);
  });

  it("tells each one's exit code or signal, and leaves none behind", async () => {
    const start = (script: string) => spawnSession("/bin/sh", ["-c", script], { env, stdio: [] });
    const children = ["exit 3", "kill -9 $$", "sleep 0.05; exit 4"].map(start);
    assert.deepEqual(await Promise.all(children.map(({ exit }) => exit)), [3, 137, 4]);
    for (const { pid } of children) assert.equal(readProcess(pid), undefined);
    assert.equal(await start("exit 5").exit, 5);
    assert.equal(process.listenerCount("SIGCHLD"), 0);
  });

  it("makes it the leader of a session", async () => {
    const { pid, exit } = spawnSession("/bin/sleep", ["0.1"], { env, stdio: ["ignore", "ignore", "ignore"] });
    assert.equal(readProcess(pid)?.session, pid);
    await exit;
  });

  it("says what is not there", () => {
    const start = (path: string, cwd?: string) => () => spawnSession(path, [], { env, cwd, stdio: [] });
    assert.throws(
      start("/no/such/program"),
      /Cannot start "\/no\/such\/program": No such file or directory \(ENOENT\)/,
    );
    assert.throws(start("/bin/true", "/no/such/folder"), /ENOENT/);
    assert.equal(process.listenerCount("SIGCHLD"), 0);
  });
});
