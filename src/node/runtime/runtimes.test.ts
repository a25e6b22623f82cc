/** What every way to run a container must do, whatever its root is: one suite for all of them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openRouteSocket, setLink } from "../../kernel/route/mod.ts";
import { createLog } from "../../lib/log.ts";
import { ContentStore } from "../images/content/content-store.ts";
import { serveRegistry } from "../images/content/registry-server.ts";
import { readLog } from "../logs/log-file.ts";
import { LogRenderer } from "../logs/log-query.ts";
import { processPort, terminalPort } from "../sandbox/linux.ts";
import { Containerd } from "../testing/containerd.ts";
import { noContainerd } from "../testing/find-containerd.ts";
import { inNamespaces } from "../testing/in-namespaces.ts";
import { loadSmallImage } from "../testing/small-image.ts";
import { exitedFile, readText } from "./container-record.ts";
import type { ContainerRuntime, ContainerSpec } from "./container-runtime.ts";
import { CriClient } from "./cri/client.ts";
import { CriRuntime } from "./cri/cri-runtime.ts";
import { CriImages } from "./cri/images.ts";
import { criHandler } from "./cri/names.ts";
import { createOciEngine } from "./oci/engine.ts";
import { findOciProgram, ociRuntimes } from "./oci/programs.ts";
import { createProcessEngine } from "./process-engine.ts";
import { ShimRuntime } from "./shim-runtime.ts";

const limitMs = 10_000;
const busybox = "/bin/busybox";
let attempts = 0;
const opened: ContainerRuntime[] = [];

const criImage = { id: "" };

interface Kind {
  readonly handler: string;
  readonly root: "machine" | "image";
}

const applets = "cat chown echo env hostname id ls mount nc pgrep ping sh sleep stat stty touch true umount";

/** A root of an image, as the content store has it: it is never written to. */
function makeImage(directory: string): string {
  const image = join(directory, "image");
  for (const path of ["bin", "etc", "usr/bin"]) mkdirSync(join(image, path), { recursive: true });
  copyFileSync(busybox, join(image, "bin/busybox"));
  writeFileSync(join(image, "etc/hosts"), "");
  for (const name of applets.split(" ")) symlinkSync("busybox", join(image, "bin", name));
  return image;
}

/** In a child the folder is that of its parent. */
function makeSpec(kind: Kind, directory: string, script: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  const id = randomBytes(32).toString("hex");
  return {
    id,
    handler: kind.handler,
    podUid: "uid-1",
    name: "main",
    attempt: attempts++,
    image: "host",
    imageId: kind.handler === criHandler ? criImage.id : "fairlead://host",
    argv: ["/bin/sh", "-c", script],
    env: { PATH: "/usr/bin:/bin", "WITH.DOT": "a 'b' c" },
    workingDir: "/",
    root: kind.root === "machine" ? { kind: "machine" } : { kind: "unpacked", directory: join(directory, "image") },
    mounts: [],
    hostname: "pod-1",
    logFile: join(directory, "logs", `${id}.log`),
    scratch: join(directory, "scratch", id),
    ...more,
  };
}

function text(file: string): string {
  return new LogRenderer({ follow: false, previous: false, timestamps: false })
    .render(readLog(file), { first: true })
    .toString();
}

async function until<T>(read: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(5)) {
    const value = read();
    if (value) return value;
  }
  throw new Error("it did not happen in time");
}

/** A containerd of the tests' own serves all of them; children are told where by the environment. */
const criVariable = "FAIRLEAD_TEST_CRI";

async function openCri(directory: string): Promise<ContainerRuntime> {
  const { socket, dataDir, registryPort } = JSON.parse(process.env[criVariable] ?? "") as CriWorld;
  const client = new CriClient(socket);
  const cluster = basename(directory);
  const runtime = await CriRuntime.open({
    ...{ client, images: new CriImages({ client, dataDir, registryPort, cluster }), log: createLog() },
    place: {
      cluster,
      node: "node-1",
      clusterRoot: "",
      nodeNamespace: `/proc/${process.pid}/ns/net`,
      nodeIps: ["127.0.0.1"],
    },
    dial: (port) => connect(port, "127.0.0.1"),
  });
  opened.push(runtime);
  return runtime;
}

async function open(directory: string, handler: string): Promise<ContainerRuntime> {
  if (handler === criHandler) return openCri(directory);
  const programs = ociRuntimes.flatMap((name) => findOciProgram(name) ?? []);
  const engines = programs.map((program) => createOciEngine({ ...program, directory }));
  const runtime = new ShimRuntime({
    directory,
    engines: [createProcessEngine(undefined), ...engines],
    port: { ...processPort, ...terminalPort },
    log: createLog(),
  });
  opened.push(runtime);
  return runtime;
}

const exitOf = (runtime: ContainerRuntime, id: string) =>
  until(() => {
    const state = runtime.get(id)?.state;
    return state?.kind === "exited" && state;
  });

/** A process that runs a container and is killed: argv[2] is the directory, argv[3] the spec. */
if (process.argv[3]) {
  const spec = JSON.parse(process.argv[3]) as ContainerSpec;
  const runtime = await open(process.argv[2] ?? "", spec.handler ?? "");
  await runtime.start(spec);
  process.stdout.write("started\n");
  setInterval(() => undefined, 1000);
} else if (inNamespaces(import.meta.url)) {
  suite({ handler: "process", root: "machine" }, false);
  const noBusybox = existsSync(busybox) ? false : "busybox-static is not installed";
  suite({ handler: "process", root: "image" }, noBusybox);
  for (const name of ociRuntimes) {
    const missing = findOciProgram(name) ? false : `Debian's ${name} is not installed`;
    suite({ handler: name, root: "image" }, noBusybox || missing);
  }
  suite({ handler: criHandler, root: "image" }, noBusybox || noContainerd());
}

interface CriWorld {
  readonly socket: string;
  readonly dataDir: string;
  readonly registryPort: number;
}

/** For the tests of one runtime. */
function provideContainerd(): void {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-cri-"));
  const containerd = new Containerd(directory);
  let registry: Awaited<ReturnType<typeof serveRegistry>> | undefined;
  before(async () => {
    const route = openRouteSocket();
    setLink(route, "lo", { up: true });
    route.close();
    await containerd.start();
    await loadSmallImage(directory, "small:1", { more: [{ path: "usr/bin/" }] });
    registry = await serveRegistry(directory);
    const world: CriWorld = { socket: containerd.socket, dataDir: directory, registryPort: registry.port };
    process.env[criVariable] = JSON.stringify(world);
    const ref = await new ContentStore(directory).findRef("small:1");
    criImage.id = `small@${ref?.digest}`;
  });
  after(async () => {
    registry?.close();
    await containerd.stop();
    rmSync(directory, { recursive: true, force: true });
  });
}

function suite(kind: Kind, skip: string | false): void {
  describe(`${kind.handler}, root of ${kind.root === "machine" ? "the machine" : "an image"}`, { skip }, () =>
    tests(kind),
  );
}

function tests(kind: Kind): void {
  const isCri = kind.handler === criHandler;
  if (isCri) provideContainerd();
  const spec = (directory: string, script: string, more?: Partial<ContainerSpec>) =>
    makeSpec(kind, directory, script, more);
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "fairlead-runtime-"));
    if (kind.root === "image") makeImage(directory);
  });
  afterEach(async () => {
    for (const runtime of opened.splice(0)) {
      await runtime.endPod?.("uid-1", { forget: true });
      runtime.close();
    }
    rmSync(directory, { recursive: true, force: true });
  });

  test("a container runs with its environment, its output is logged and its exit code kept", async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "exec 2>&1; echo out $(hostname) $$ >/dev/stdout; echo err >&2; printf tail; exit 7");
    await runtime.start(one);
    const { exitCode, startedAtMs, finishedAtMs } = await exitOf(runtime, one.id);
    assert.equal(exitCode, 7);
    assert.ok(startedAtMs !== undefined && startedAtMs <= finishedAtMs);
    assert.equal(text(one.logFile), "out pod-1 1\nerr\ntail");
    await runtime.remove(one.id);
    const two = spec(directory, "", { argv: ["env"] });
    await runtime.start(two);
    await exitOf(runtime, two.id);
    // OCI runtimes add HOME, containerd HOSTNAME.
    assert.equal(text(two.logFile).replaceAll(/^(HOME|HOSTNAME)=.*\n/gm, ""), "PATH=/usr/bin:/bin\nWITH.DOT=a 'b' c\n");
    await runtime.remove(two.id);
    if (isCri) return;
    assert.deepEqual(readdirSync(join(directory, "events")), []);
    assert.deepEqual(readdirSync(join(directory, "pods", "uid-1", "containers", "main")), []);
  });

  test("a signal reaches the first process; remove() kills what runs", async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done");
    await runtime.start(one);
    await until(() => text(one.logFile).includes("up"));
    assert.equal(runtime.signal(one.id, "SIGTERM"), true);
    assert.equal((await exitOf(runtime, one.id)).exitCode, 3);
    assert.match(text(one.logFile), /bye/);
    await runtime.remove(one.id);

    const two = spec(directory, "sleep 100 & sleep 100");
    await runtime.start(two);
    await runtime.remove(two.id);
    assert.deepEqual(runtime.list(), []);
    await until(() => !readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes("sleep")));
  });

  test("mounts: files over existing ones, new directories without touching the machine, an assembled root", async () => {
    const runtime = await open(directory, kind.handler);
    const volume = join(directory, "volume");
    mkdirSync(volume, { recursive: true });
    writeFileSync(join(volume, "hosts"), "127.0.0.1 me\n");
    const mounts = [
      { source: join(volume, "hosts"), target: "/etc/hosts", readOnly: false },
      { source: volume, target: "/fairlead-test/data", readOnly: true },
      { source: volume, target: "/etc/fairlead-test", readOnly: false },
      { ...(isCri && { source: volume }), target: "/fairlead-test/tmp", readOnly: false },
    ];
    const one = spec(
      directory,
      "cat /etc/hosts /etc/fairlead-test/hosts; ls /fairlead-test; touch /fairlead-test/data/x || echo read-only; touch /fairlead-test/tmp/x; ls -d /usr/bin /proc/1 /dev/null; cat /proc/1/comm; exit 0",
      { mounts },
    );
    await runtime.start(one);
    assert.equal((await exitOf(runtime, one.id)).exitCode, 0, text(one.logFile));
    const seen = text(one.logFile).replace(/.*Read-only file system\n/, "");
    assert.equal(seen, "127.0.0.1 me\n127.0.0.1 me\ndata\ntmp\nread-only\n/dev/null\n/proc/1\n/usr/bin\nsh\n");
    assert.equal(existsSync("/fairlead-test"), false);
    await runtime.remove(one.id);
    // containerd makes a folder of what is not there.
    if (isCri) return;

    const two = spec(directory, "", {
      mounts: [
        {
          source: join(directory, "absent"),
          target: kind.root === "machine" ? "/etc/hosts" : "/etc/other",
          readOnly: false,
        },
      ],
    });
    await runtime.start(two);
    const state = await exitOf(runtime, two.id);
    assert.equal(state.exitCode, 128);
    assert.match(state.error ?? "", /absent/);
    await runtime.remove(two.id);
  });

  test("exec enters the container and ends when the time is up", async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "exec sleep 100");
    await runtime.start(one);
    assert.deepEqual(await runtime.exec(one.id, ["sh", "-c", "hostname; exit 4"], { timeoutMs: 5000 }), {
      exitCode: 4,
      output: "pod-1\n",
    });
    assert.equal((await runtime.exec(one.id, ["sleep", "50"], { timeoutMs: 100 })).exitCode, undefined);
    assert.match((await runtime.exec(one.id, ["no-such-program"], { timeoutMs: 5000 })).output, /no-such-program/);
    for (const tty of [false, true]) {
      const missing = await runtime.openExec(one.id, ["no-such-program"], { tty });
      const said: Buffer[] = [];
      for (const stream of [missing?.stdout, missing?.stderr]) stream?.on("data", (chunk: Buffer) => said.push(chunk));
      assert.equal(await missing?.exit, 127);
      await until(() => Buffer.concat(said).includes("no-such-program"));
    }
    await runtime.remove(one.id);
  });

  /** One client's: of two, the one that types would not wait until the other sees. */
  const attach = (runtime: ContainerRuntime, id: string) => {
    const seen = { text: "" };
    const streams = runtime.streams(id);
    streams?.onOutput((chunk) => {
      seen.text += chunk;
    });
    return { seen, streams };
  };

  test("stdin: what is typed is read, and with once its end is the container's, after a change of agents too", async () => {
    const first = await open(directory, kind.handler);
    const one = spec(directory, "while read line; do echo got $line; done; echo end; exit 6", { input: "once" });
    await first.start(one);
    first.close();
    const runtime = await open(directory, kind.handler);
    const { seen, streams } = attach(runtime, one.id);
    const stdin = streams?.openStdin();
    stdin?.write("a\n");
    await until(() => seen.text === "got a\n");
    stdin?.end("b\n");
    assert.equal((await exitOf(runtime, one.id)).exitCode, 6);
    assert.equal(seen.text, "got a\ngot b\nend\n");
    assert.equal(text(one.logFile), "got a\ngot b\nend\n");
    await runtime.remove(one.id);
  });

  test("a terminal has a size, is the container's controlling one and outlives the agent", async () => {
    const first = await open(directory, kind.handler);
    // containerd hands on sizes and what is typed in no order.
    const sized = 'until size=$(stty size 2>&-); [ -n "$size" -a "$size" != "0 0" ]; do sleep 0.01; done; echo $size';
    const script = `echo ready; read line; ${sized}; echo $line >/dev/tty; exit 8`;
    const one = spec(directory, script, { input: "open", tty: true });
    await first.start(one);
    await until(() => text(one.logFile).includes("ready"));
    first.close();
    const runtime = await open(directory, kind.handler);
    const { seen, streams } = attach(runtime, one.id);
    streams?.resize({ columns: 99, rows: 33 });
    streams?.openStdin()?.write("typed\r");
    assert.equal((await exitOf(runtime, one.id)).exitCode, 8);
    assert.equal(seen.text, "typed\r\n33 99\r\ntyped\r\n");
    await runtime.remove(one.id);
  });

  const hangsUp = isCri && "CRI knows no way to end a command";
  test("a command that is hung up on is gone with all it has started", { skip: hangsUp }, async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "exec sleep 100");
    await runtime.start(one);
    for (const tty of [false, true]) {
      const process = await runtime.openExec(one.id, ["sh", "-c", "trap '' HUP; sleep 71 & echo $$; wait; sleep 72"], {
        tty,
      });
      assert.ok(process);
      await once(process.stdout, "data");
      process.kill("SIGHUP");
      assert.equal(await process.exit, 137);
      // The container's own sleep does not wait for orphans: they stay as zombies.
      const alive =
        'for p in /proc/[0-9]*; do read -r n c s _ <$p/stat; [ "$c" != "(sleep)" -o $s = Z ] || echo $n; done';
      const left = await runtime.exec(one.id, ["sh", "-c", alive], { timeoutMs: 5000 });
      assert.equal(left.output, "1\n");
    }
    await runtime.remove(one.id);
  });

  test("a command on a terminal that nobody shows any more is hung up on", { skip: hangsUp }, async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "exec sleep 100");
    await runtime.start(one);
    const process = await runtime.openExec(one.id, ["sh", "-c", "echo begun; exec sleep 73"], { tty: true });
    assert.ok(process);
    await once(process.stdout, "data");
    process.stdout.destroy();
    assert.equal(await process.exit, 129);
    await runtime.remove(one.id);
  });

  test("after a kill -9 of the agent its containers are adopted: no line and no exit code is lost", async () => {
    const volume = join(directory, "volume");
    mkdirSync(volume);
    const lines = (from: number) => `for i in 0 1 2 3; do echo line $((${from} + i)); done`;
    const sign = (name: string) => `touch /signs/${name}`;
    const wait = (name: string) => `until [ -e /signs/${name} ]; do sleep 0.01; done`;
    const steps = [lines(1), wait("alone"), lines(5), sign("said"), wait("again"), lines(9), "exit 5"];
    const running = spec(directory, steps.join("; "), {
      mounts: [{ source: volume, target: "/signs", readOnly: false }],
    });
    const child = spawn(process.execPath, [import.meta.filename, directory, JSON.stringify(running)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    // A line that was read and not written yet would be lost.
    await until(() => text(running.logFile).includes("line 4\n"));
    child.kill("SIGKILL");
    await once(child, "exit");
    writeFileSync(join(volume, "alone"), "");
    await until(() => existsSync(join(volume, "said")));
    const runtime = await open(directory, kind.handler);
    assert.equal(runtime.list().length, 1);
    writeFileSync(join(volume, "again"), "");
    assert.equal((await exitOf(runtime, running.id)).exitCode, 5);
    const wanted = Array.from({ length: 12 }, (_, index) => `line ${index + 1}\n`).join("");
    assert.equal(text(running.logFile), wanted);
    await runtime.remove(running.id);
  });

  test("a container that ended while there was no agent is found with its exit code and all lines", async () => {
    const short = spec(directory, "sleep 0.1; echo last words; exit 9");
    const child = spawn(process.execPath, [import.meta.filename, directory, JSON.stringify(short)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    if (isCri) await delay(500);
    else await until(() => readText(exitedFile(join(directory, "events"), short.id))?.endsWith("\n"));
    const runtime = await open(directory, kind.handler);
    const state = runtime.get(short.id)?.state;
    assert.ok(state?.kind === "exited" && state.exitCode === 9);
    assert.equal(text(short.logFile), "last words\n");
    await runtime.remove(short.id);
  });

  test("a container whose shim was killed is ended and reported", {
    skip: isCri && "containerd has the shim",
  }, async () => {
    const runtime = await open(directory, kind.handler);
    const one = spec(directory, "sleep 100");
    await runtime.start(one);
    const shim = readFileSync(join(directory, "pods/uid-1/containers/main", String(one.attempt), "shim"), "utf8");
    process.kill(Number.parseInt(shim, 10), "SIGKILL");
    const { exitCode, error } = await exitOf(runtime, one.id);
    assert.equal(exitCode, 137);
    assert.match(error ?? "", /shim/);
    await runtime.remove(one.id);
  });
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
