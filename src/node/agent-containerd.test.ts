/** An agent whose images are run by containerd: what differs from its other runtimes; what must not is in agent.test.ts. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { configMaps } from "../api/resource.ts";
import { removeTopCgroups } from "./cgroups/cgroups.ts";
import { CriClient } from "./runtime/cri/client.ts";
import { namespaceMode } from "./runtime/cri/messages.ts";
import { criHandler, socketOf } from "./runtime/cri/names.ts";
import { removeCluster } from "./runtime/cri/remove-cluster.ts";
import { AgentFixture, isReady, shell, until } from "./testing/agent-fixture.ts";
import { noContainerd } from "./testing/find-containerd.ts";
import { inNamespaces } from "./testing/in-namespaces.ts";

if (inNamespaces(import.meta.url, [{ runtime: criHandler, skip: noContainerd() }])) {
  const fixture = new AgentFixture();
  let client = new CriClient("");
  const sandboxes = async () => (await client.call("listPodSandbox", {})).items;
  const idOf = async (name: string) => (await fixture.find(name))?.status?.containerStatuses?.[0]?.containerID;

  before(async () => {
    await fixture.open();
    await fixture.provideShell();
    await fixture.begin();
    client = new CriClient(socketOf(fixture.config.containerRuntime ?? "") ?? "");
  });
  after(async () => {
    await fixture.end();
    client.close();
    await fixture.close();
  });

  test("a Pod of an image is a sandbox with the agent's network and volumes; it outlives the agent and leaves nothing", async () => {
    const data = { greeting: "hello" };
    const metadata = { name: "words", namespace: "default" };
    await fixture.client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
    const serve =
      "while :; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\n%s\\n' $(cat /words/greeting) | nc -l -p 8080 >/dev/null; done";
    const own = shell(`trap 'exit 0' TERM; ${serve} & wait`);
    const container = {
      ...own,
      volumeMounts: [{ name: "words", mountPath: "/words" }],
      readinessProbe: { exec: { command: ["sh", "-c", "ps | grep -q '[n]c -l'"] }, periodSeconds: 1 },
    };
    await fixture.create("web", {
      containers: [container],
      volumes: [{ name: "words", configMap: { name: "words" } }],
    });
    const pod = await fixture.podWhen("web", isReady);
    assert.match((await idOf("web")) ?? "", /^containerd:\/\/[0-9a-f]{64}$/);
    assert.equal(await (await fetch(`http://${pod.status?.podIP}:8080/`)).text(), "hello\n");
    const [sandbox] = await sandboxes();
    assert.equal(sandbox?.metadata?.name, "web");
    assert.equal(sandbox?.labels["fairlead.dev/node"], "node-1");

    const before = await idOf("web");
    await fixture.end();
    assert.equal((await sandboxes()).length, 1);
    await fixture.begin();
    await fixture.podWhen("web", isReady);
    assert.equal(await idOf("web"), before);

    await fixture.restartContainerd();
    assert.equal((await sandboxes()).length, 1);
    assert.equal(await (await fetch(`http://${pod.status?.podIP}:8080/`)).text(), "hello\n");

    await fixture.remove("web", 5);
    assert.deepEqual(await sandboxes(), []);
    assert.deepEqual((await client.call("listContainers", {})).containers, []);
    const { runDir, machine } = fixture.config;
    assert.deepEqual(readdirSync(join(runDir, "netns")), []);
    assert.deepEqual(readdirSync(join(machine?.memoryDir ?? "", "node-1/pods")), []);
  });

  test("a container that ends is started again, its log and exit code are kept; a built-in image is a process beside it", async () => {
    await fixture.create("ends", {
      containers: [shell("echo once; exit 4"), { name: "echo", image: "fairlead/echo" }],
    });
    const pod = await fixture.podWhen(
      "ends",
      ({ status }) => (status?.containerStatuses?.find(({ name }) => name === "main")?.restartCount ?? 0) > 0,
    );
    const [echo, main] = [...(pod.status?.containerStatuses ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.match(echo?.containerID ?? "", /^fairlead:/);
    assert.equal(main?.lastState?.terminated?.exitCode, 4);
    assert.equal((await fixture.logOf("ends", "?previous=true")).body, "once\n");
    await fixture.remove("ends");
  });

  test("a Pod whose sandbox somebody else has ended gets another", async () => {
    await fixture.create("moved", { containers: [shell("trap 'exit 0' TERM; sleep 1000 & wait")] });
    await fixture.podWhen("moved", isReady);
    const [old] = await sandboxes();
    const before = await idOf("moved");
    await client.call("stopPodSandbox", { podSandboxId: old?.id ?? "" });
    await until(async () => {
      const pod = await fixture.find("moved");
      return pod && isReady(pod) && (await idOf("moved")) !== before;
    }, "another start");
    const [first, second] = (await sandboxes()).map(({ metadata }) => metadata?.attempt ?? 0).sort();
    assert.deepEqual([first, second], [0, 1]);
    await fixture.remove("moved");
    assert.deepEqual(await sandboxes(), []);
  });

  test("a log that containerd writes is rotated, and goes on in a new file", async () => {
    const script =
      "dd if=/dev/zero bs=1M count=11 2>/dev/null | tr '\\0' x; echo; while :; do echo after; sleep 0.2; done";
    const pod = await fixture.create("chatty", { containers: [shell(script)] });
    const file = join(fixture.config.dataDir, "nodes/node-1/pods", pod.metadata.uid ?? "", "main/0.log");
    await until(async () => existsSync(`${file}.1`) && existsSync(file) && statSync(file).size > 0, "rotation");
    assert.match(readFileSync(file, "utf8"), /^\S+ stdout F after\n/);
    assert.ok(statSync(`${file}.1`).size > 10 * 1024 * 1024);
    await fixture.remove("chatty");
  });

  test("limits are enforced by containerd's cgroups, and who takes too much memory is shown as such", async () => {
    const limits = { memory: "24Mi", cpu: "500m" };
    const greedy = shell("");
    await fixture.create("greedy", {
      restartPolicy: "Never",
      containers: [{ ...greedy, command: ["tail", "-c", "100000000", "/dev/zero"], resources: { limits } }],
    });
    const pod = await fixture.podWhen("greedy", ({ status }) => status?.phase === "Failed");
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.reason, "OOMKilled");
    await fixture.remove("greedy");
  });

  test("what a cluster left is removed with it, and nothing of others", async () => {
    await fixture.create("left", { containers: [shell("sleep 1000")] });
    await fixture.podWhen("left", isReady);
    const others = `fairlead-others-${fixture.config.machine?.cluster}`;
    const securityContext = { namespaceOptions: { network: namespaceMode.node } };
    const config = {
      metadata: { name: "other", uid: "other", namespace: "default" },
      linux: { cgroupParent: `/${others}`, securityContext },
    };
    const { podSandboxId } = await client.call("runPodSandbox", { config });
    await fixture.end();
    const socket = socketOf(fixture.config.containerRuntime ?? "") ?? "";
    await removeCluster(socket, fixture.config.machine?.cluster ?? "");
    assert.deepEqual(
      (await sandboxes()).map(({ id }) => id),
      [podSandboxId],
    );
    const { images } = await client.call("listImages", {});
    assert.deepEqual(
      images.flatMap(({ repoTags }) => repoTags),
      ["localhost/pause:1"],
    );
    await client.call("stopPodSandbox", { podSandboxId });
    await client.call("removePodSandbox", { podSandboxId });
    removeTopCgroups(others);
  });
}
