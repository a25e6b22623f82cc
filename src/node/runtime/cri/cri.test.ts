/** The calls of CRI, the CNI plugin and the registry against Debian's containerd. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { withRouteSocket } from "../../../kernel/netns.ts";
import { ensureAddress, getLink, openRouteSocket, setLink } from "../../../kernel/route/mod.ts";
import { ContentStore } from "../../images/content/content-store.ts";
import { serveRegistry } from "../../images/content/registry-server.ts";
import { Containerd } from "../../testing/containerd.ts";
import { noContainerd } from "../../testing/find-containerd.ts";
import { inNamespaces } from "../../testing/in-namespaces.ts";
import { loadSmallImage } from "../../testing/small-image.ts";
import { GrpcError, grpcCodes } from "./channel.ts";
import { CriClient } from "./client.ts";
import { networkAnnotations } from "./cni-plugin.ts";
import { containerStates } from "./messages.ts";
import { socketOf } from "./names.ts";
import { criProblemAt } from "./readiness.ts";

const runs = process.argv[1] === import.meta.filename;

test("names of sockets", { skip: !runs && "told once" }, () => {
  assert.equal(socketOf("unix:///run/containerd/containerd.sock"), "/run/containerd/containerd.sock");
  assert.deepEqual([socketOf("runc"), socketOf("unix://run/x")], [undefined, undefined]);
});

/** A network namespace at a path that only another mount namespace has, as a cluster's are; as this one sees it. */
async function namespaceElsewhere(folder: string, closing: (() => void)[]): Promise<string> {
  mkdirSync(folder);
  const script =
    'mount -t tmpfs none "$1" && : >"$1/pod" && mount --bind /proc/self/ns/net "$1/pod" && echo ready && exec cat';
  const holder = spawn("unshare", ["--mount", "--net", "sh", "-c", script, "sh", folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  closing.push(() => holder.stdin.end());
  await once(holder.stdout, "data");
  return `/proc/${holder.pid}/root${folder}/pod`;
}

if (inNamespaces(import.meta.url, [{ skip: noContainerd() }])) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-cri-"));
  const containerd = new Containerd(directory);
  const closing: (() => void)[] = [];
  after(async () => {
    for (const close of closing) close();
    await containerd.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test("a sandbox with a network of ours, a container of an image of ours, and its end", async () => {
    await containerd.start();
    const client = new CriClient(containerd.socket);
    closing.push(() => client.close());
    const { runtimeName, runtimeVersion } = await client.call("version", {});
    assert.equal(runtimeName, "containerd");
    assert.match(runtimeVersion, /^\d/);
    const { status } = await client.call("status", {});
    assert.deepEqual(
      status?.conditions.map(({ type, status: fine }) => [type, fine]),
      [
        ["RuntimeReady", true],
        ["NetworkReady", true],
      ],
    );

    await loadSmallImage(directory, "small:1");
    const socket = openRouteSocket();
    setLink(socket, "lo", { up: true });
    socket.close();
    const registry = await serveRegistry(directory);
    closing.push(() => registry.close());
    const ref = await new ContentStore(directory).findRef("small:1");
    const { imageRef } = await client.call("pullImage", {
      image: { image: `127.0.0.1:${registry.port}/small@${ref?.digest}` },
    });

    const netns = await namespaceElsewhere(join(directory, "run"), closing);
    withRouteSocket(netns, (socket) => setLink(socket, "lo", { up: true }));
    withRouteSocket(netns, (socket) => ensureAddress(socket, getLink(socket, "lo").index, "10.9.9.9/32"));
    const logs = join(directory, "logs");
    mkdirSync(logs);
    const annotations = { [networkAnnotations.path]: netns, [networkAnnotations.addresses]: "10.9.9.9/32" };
    const config = {
      metadata: { name: "web", uid: "uid-1", namespace: "default" },
      ...{ hostname: "web", logDirectory: logs, labels: { mine: "yes" }, annotations },
    };
    const { podSandboxId } = await client.call("runPodSandbox", { config });
    const { containerId } = await client.call("createContainer", {
      ...{ podSandboxId, sandboxConfig: config },
      config: {
        metadata: { name: "main" },
        image: { image: imageRef },
        command: ["sh", "-c", "hostname; wget -qO- 127.0.0.1; cat /proc/net/fib_trie | grep -c 10.9.9.9; exit 3"],
        logPath: "main.log",
        labels: { mine: "yes" },
      },
    });
    await client.call("startContainer", { containerId });
    const read = async () => (await client.call("containerStatus", { containerId })).status;
    let last = await read();
    for (let i = 0; i < 100 && last?.state !== containerStates.indexOf("exited"); i++) {
      await delay(50);
      last = await read();
    }
    const log = readFileSync(join(logs, "main.log"), "utf8");
    assert.equal(last?.exitCode, 3, log);
    assert.match(log, /stdout F web\n/);
    assert.match(log, /stdout F [1-9]\n/);
    const found = await client.call("listContainers", { filter: { labelSelector: { mine: "yes" } } });
    assert.deepEqual(
      found.containers.map(({ id }) => id),
      [containerId],
    );
    await client.call("removeContainer", { containerId });
    await client.call("stopPodSandbox", { podSandboxId });
    await client.call("removePodSandbox", { podSandboxId });
    assert.deepEqual((await client.call("listPodSandbox", {})).items, []);
    await assert.rejects(
      client.call("startContainer", { containerId }),
      (error) => error instanceof GrpcError && error.code === grpcCodes.notFound,
    );
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(join(directory, "state", "netns")), false);
  });

  test("what containerd lacks is said in one sentence that tells what to do", async () => {
    assert.equal(await criProblemAt(containerd.socket), undefined);
    const client = new CriClient(containerd.socket);
    closing.push(() => client.close());
    await client.call("removeImage", { image: { image: "localhost/pause:1" } });
    assert.match(
      (await criProblemAt(containerd.socket)) ?? "",
      /^its sandbox_image localhost\/pause:1 .* images import -"/,
    );
    rmSync(join(directory, "cni/conf/10-fairlead.conflist"));
    for (let i = 0; i < 100 && !/network/.test((await criProblemAt(containerd.socket)) ?? ""); i++) await delay(50);
    const folders = `--bin-dir ${directory}/cni/bin --conf-dir ${directory}/cni/conf`;
    assert.equal(
      await criProblemAt(containerd.socket),
      `its network is not fairlead's: "fairlead cni --install ${folders}" changes that, for all its Pods`,
    );
    await assert.rejects(criProblemAt(join(directory, "none.sock")), /^Error: nobody answers at .*none\.sock/);
  });
}
