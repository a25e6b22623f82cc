import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "../api/object.ts";
import { configMaps, leases, nodes, pods, services } from "../api/resource.ts";
import { listLinks, openRouteSocket } from "../kernel/route/mod.ts";
import { AgentFixture, isReady, shell, until, waitingReason } from "./testing/agent-fixture.ts";
import { everyRuntime, inNamespaces } from "./testing/in-namespaces.ts";

if (inNamespaces(import.meta.url, everyRuntime)) {
  const fixture = new AgentFixture();
  const { client, config } = fixture;

  before(async () => {
    await fixture.open();
    await fixture.provideShell();
    // Of a former run, with other addresses.
    const spec = { podCIDR: "10.9.0.0/24", podCIDRs: ["10.9.0.0/24"] };
    await client.create(nodes, { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec });
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });

  test("the Node is registered with its facts, and its Lease", async () => {
    const node = await client.get(nodes, "node-1");
    assert.equal(node.spec?.podCIDR, "10.244.7.0/24");
    assert.equal(node.status?.conditions?.find(({ type }) => type === "Ready")?.status, "True");
    assert.match(node.status?.nodeInfo?.kubeletVersion ?? "", /^v1\.36\.0\+fairlead/);
    assert.equal(node.metadata.labels?.["kubernetes.io/hostname"], "node-1");
    const lease = await until(() => client.get(leases, "node-1", "kube-node-lease").catch(() => undefined), "Lease");
    assert.equal(lease.spec?.holderIdentity, "node-1");
  });

  test("a Pod with a readiness probe is ready at once, answers by its name, and is removed without traces", async () => {
    const probe = { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 10 };
    const ports = [{ name: "http", containerPort: 8080 }];
    const begun = performance.now();
    await fixture.create("echo", {
      containers: [{ name: "main", image: "fairlead/echo", ports, readinessProbe: probe }],
    });
    const running = await fixture.podWhen("echo", ({ status }) => status?.phase === "Running");
    const runningMs = performance.now() - begun;
    const pod = await fixture.podWhen("echo", isReady);
    const readyMs = performance.now() - begun;
    process.stdout.write(`# running after ${runningMs.toFixed(0)} ms, ready after ${readyMs.toFixed(0)} ms\n`);
    assert.ok(readyMs < 5_000);
    assert.equal(running.status?.podIP, "10.244.7.2");
    assert.equal(pod.status?.hostIP, "127.0.0.1");
    const answer = await fetch(`http://${pod.status?.podIP}:8080/`);
    assert.equal(await answer.text(), "echo\n");
    const reasons = (await fixture.eventsOf("echo")).map(({ reason }) => reason);
    assert.deepEqual(reasons, ["Pulled", "Created", "Started"]);
    assert.match((await fixture.logOf("echo")).body, /echo answers HTTP on 8080/);
    await fixture.remove("echo", 5);
    assert.deepEqual(readdirSync(join(config.runDir, "netns")), []);
    assert.deepEqual(readdirSync(join(config.runDir, "nodes/node-1/pods")), []);
    assert.deepEqual(readdirSync(join(config.dataDir, "nodes/node-1/pods")), []);
    const socket = openRouteSocket();
    assert.deepEqual(
      listLinks(socket)
        .map(({ name }) => name)
        .sort(),
      ["cni0", "lo"],
    );
    socket.close();
  });

  test("host ports lead to their Pods, each on its address, as long as these live", async () => {
    const ports = (hostIP?: string) => [{ containerPort: 8080, hostPort: 18080, ...(hostIP ? { hostIP } : {}) }];
    const echo = (hostIP?: string) => ({
      containers: [{ name: "main", image: "fairlead/echo", ports: ports(hostIP) }],
    });
    const ask = async (address: string) =>
      (await fetch(`http://${address}:18080/`, { headers: { connection: "close" } })).text();
    await fixture.create("near", echo("127.0.0.1"));
    await fixture.create("all", echo("10.244.7.1"));
    await until(
      () =>
        ask("127.0.0.1").then(
          (text) => text === "near\n",
          () => false,
        ),
      "near answers",
    );
    await until(
      () =>
        ask("10.244.7.1").then(
          (text) => text === "all\n",
          () => false,
        ),
      "all answers",
    );
    await fixture.end();
    await fixture.begin();
    assert.equal(await ask("127.0.0.1"), "near\n");
    await fixture.remove("near");
    await until(
      () =>
        ask("127.0.0.1").then(
          () => false,
          () => true,
        ),
      "near is gone",
    );
    await fixture.remove("all");
    await until(
      () =>
        ask("10.244.7.1").then(
          () => false,
          () => true,
        ),
      "nobody answers",
    );
  });

  test("init containers, environment, volumes and name resolution are as the Pod says", async () => {
    const made = { apiVersion: "v1", kind: "ConfigMap" as const, metadata: { name: "settings", namespace: "default" } };
    await client.create(configMaps, { ...made, data: { colour: "blue", "app.conf": "x=1" } });
    await client.create(services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "backend", namespace: "default" },
      spec: { clusterIP: "10.96.1.2", ports: [{ port: 80, protocol: "TCP" }] },
    });
    await delay(50);
    const script =
      "echo $GREETING $COLOUR $BACKEND_SERVICE_HOST $IP; cat /config/app.conf; echo; cat /work/made; cat /etc/resolv.conf; grep extra /etc/hosts; hostname; pwd; exit 3";
    await fixture.create("once", {
      restartPolicy: "Never",
      hostAliases: [{ ip: "1.2.3.4", hostnames: ["extra"] }],
      volumes: [
        { name: "config", configMap: { name: "settings" } },
        { name: "work", emptyDir: {} },
      ],
      initContainers: [
        { ...shell("echo by-init >/work/made"), name: "first", volumeMounts: [{ name: "work", mountPath: "/work" }] },
      ],
      containers: [
        {
          ...shell(script),
          workingDir: "/usr",
          env: [
            { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "GREETING", value: "hello-$(NAME)" },
            { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
            { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          ],
          volumeMounts: [
            { name: "config", mountPath: "/config" },
            { name: "work", mountPath: "/work" },
          ],
        },
      ],
    });
    const pod = await fixture.podWhen("once", ({ status }) => status?.phase === "Failed");
    const wanted = [
      `hello-once blue 10.96.1.2 ${pod.status?.podIP}`,
      "x=1",
      "by-init",
      "search default.svc.cluster.local svc.cluster.local cluster.local",
      "nameserver 10.96.0.10",
      "options ndots:5",
      "1.2.3.4\textra",
      "once",
      "/usr",
    ];
    const { body } = await fixture.logOf("once");
    for (const line of wanted)
      assert.ok(
        body.split("\n").some((found) => found.startsWith(line)),
        `${line} in ${body}`,
      );
    const { state } = pod.status?.containerStatuses?.[0] ?? {};
    assert.equal(state?.terminated?.exitCode, 3);
    assert.equal(state?.terminated?.reason, "Error");
    assert.equal(pod.status?.initContainerStatuses?.[0]?.ready, true);
    await fixture.remove("once", 5);
  });

  test("a container that fails is restarted at once, then held back; its former log is kept", async () => {
    await fixture.create("crash", { containers: [shell("echo try; exit 1")] });
    const pod = await fixture.podWhen("crash", (found) => waitingReason(found) === "CrashLoopBackOff");
    const [status] = pod.status?.containerStatuses ?? [];
    assert.equal(status?.restartCount, 1);
    assert.equal(status?.lastState?.terminated?.exitCode, 1);
    assert.match(
      status?.state?.waiting?.message ?? "",
      /^back-off 10s restarting failed container=main pod=crash_default/,
    );
    assert.equal(pod.status?.phase, "Running");
    assert.deepEqual(await fixture.logOf("crash", "?previous=true"), { status: 200, body: "try\n" });
    await fixture.remove("crash", 5);
  });

  test("faults of a Pod show as users know them", async () => {
    await fixture.create("image", { containers: [{ name: "main", image: "nginx:1.27" }] });
    const pull = await fixture.podWhen("image", (pod) => waitingReason(pod) === "ErrImagePull");
    assert.match(
      pull.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "",
      /nginx:1\.27.*fairlead image load/,
    );
    await fixture.podWhen("image", (pod) => waitingReason(pod) === "ImagePullBackOff");
    await fixture.create("config", {
      containers: [{ ...shell("true"), env: [{ name: "X", valueFrom: { secretKeyRef: { name: "none", key: "x" } } }] }],
    });
    const config = await fixture.podWhen("config", (pod) => waitingReason(pod) === "CreateContainerConfigError");
    assert.equal(config.status?.containerStatuses?.[0]?.state?.waiting?.message, 'secret "none" not found');
    await fixture.create("program", {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "host", command: ["no-such"] }],
    });
    const program = await fixture.podWhen("program", ({ status }) => status?.phase === "Failed");
    assert.equal(program.status?.containerStatuses?.[0]?.state?.terminated?.reason, "StartError");
    for (const name of ["image", "config", "program"]) await fixture.remove(name, 5);
  });

  test("deletion: preStop, SIGTERM, and SIGKILL after the grace period; logs follow to the end", async () => {
    const main = {
      ...shell("trap 'echo got TERM' TERM; echo up; while :; do sleep 0.05; done"),
      lifecycle: { preStop: { exec: { command: ["/bin/sh", "-c", "echo pre-stop >/proc/1/fd/1"] } } },
    };
    await fixture.create("stubborn", { terminationGracePeriodSeconds: 1, containers: [main] });
    await fixture.podWhen("stubborn", isReady);
    const followed = fixture.logOf("stubborn", "?follow=true&timestamps=true");
    await delay(100);
    const begun = performance.now();
    await fixture.remove("stubborn", 1);
    const tookMs = performance.now() - begun;
    assert.ok(tookMs > 950 && tookMs < 4_000, `${tookMs} ms`);
    assert.match((await followed).body, /^\S+Z up\n\S+Z pre-stop\n\S+Z got TERM\n/);
  });

  test("a Pod's address answers until the API has let the Pod go: no client of an endpoint is left waiting", async (t) => {
    await fixture.create("last", { containers: [shell("sleep 60")], terminationGracePeriodSeconds: 1 });
    const { metadata } = await fixture.podWhen("last", isReady);
    const hasAddress: boolean[] = [];
    const look = () => void hasAddress.push(existsSync(fixture.networkNamespace(metadata.uid ?? "")));
    const update = client.update.bind(client);
    const remove = client.delete.bind(client);
    // The last status, which ends the endpoint, and the Pod's end.
    const { mock: updates } = t.mock.method(client, "update", ((resource, object, options) => {
      const { status } = object as Partial<Pod>;
      if (status?.containerStatuses?.every(({ state }) => state?.terminated)) look();
      return update(resource, object, options);
    }) satisfies typeof client.update);
    const { mock: deletions } = t.mock.method(client, "delete", ((resource, target, options) => {
      if (options?.gracePeriodSeconds === 0) look();
      return remove(resource, target, options);
    }) satisfies typeof client.delete);
    await fixture.remove("last", 1);
    assert.ok(hasAddress.length >= 2 && updates.callCount() > 0 && deletions.callCount() === 2);
    assert.ok(hasAddress.every(Boolean));
  });

  test("a liveness probe that fails restarts the container", async () => {
    const livenessProbe = { exec: { command: ["/bin/sh", "-c", "exit 1"] }, periodSeconds: 1, failureThreshold: 1 };
    await fixture.create("sick", {
      containers: [{ ...shell("exec sleep 100"), livenessProbe }],
      terminationGracePeriodSeconds: 0,
    });
    const pod = await fixture.podWhen("sick", ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
    const reasons = (await fixture.eventsOf("sick")).map(({ reason }) => reason);
    assert.ok(reasons.includes("Unhealthy") && reasons.includes("Killing"));
    await fixture.remove("sick", 1);
  });

  test("busybox has a root of its own", async () => {
    await fixture.create("box", {
      restartPolicy: "Never",
      containers: [
        {
          name: "main",
          image: "docker.io/library/busybox:1.36",
          args: [
            "sh",
            "-c",
            "echo $$$$; ls /; touch /tmp/x && cat /etc/hostname; wget -qO- http://127.0.0.1:1 || true",
          ],
        },
      ],
    });
    const pod = await fixture.podWhen(
      "box",
      ({ status }) => status?.phase === "Succeeded" || waitingReason({ status } as Pod) === "ErrImagePull",
    );
    if (waitingReason(pod))
      assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "", /busybox-static/);
    else
      assert.match(
        (await fixture.logOf("box")).body,
        /^1\nbin\ndev\netc\nhome\nproc\nroot\nrun\nsys\ntmp\nusr\nvar\nbox\n/,
      );
    await fixture.remove("box", 5);
  });

  test("what was marked while nobody heard of the node is mended: its conditions and its Pods", async () => {
    await fixture.create("cut-off", { containers: [shell("exec sleep 100")] });
    const pod = await fixture.podWhen("cut-off", isReady);
    const notReady = (conditions: readonly { type: string }[] | undefined, status: string) =>
      conditions?.map((condition) => (condition.type === "Ready" ? { ...condition, status } : condition)) as never;
    const node = await client.get(nodes, "node-1");
    const marked = { ...node, status: { ...node.status, conditions: notReady(node.status?.conditions, "Unknown") } };
    await client.update(nodes, marked, { subresource: "status" });
    const markedPod = { ...pod, status: { ...pod.status, conditions: notReady(pod.status?.conditions, "False") } };
    await client.update(pods, markedPod, { subresource: "status" });
    await fixture.podWhen("cut-off", isReady);
    const ready = async () =>
      (await client.get(nodes, "node-1")).status?.conditions?.find(({ type }) => type === "Ready");
    await until(async () => (await ready())?.status === "True", "the Node is Ready again");
    await fixture.remove("cut-off");
  });

  test("the next agent adopts what runs and removes what has no Pod", async () => {
    // A readiness that must not be lost: the next agent's first probe comes 10 s later.
    const readinessProbe = { exec: { command: ["true"] }, periodSeconds: 10, initialDelaySeconds: 1 };
    await fixture.create("stays", { containers: [{ ...shell("echo begun; exec sleep 100"), readinessProbe }] });
    await fixture.create("goes", { containers: [shell("exec sleep 100")] });
    const before = await fixture.podWhen("stays", isReady);
    await fixture.podWhen("goes", isReady);
    await fixture.end();
    await fixture.remove("goes");
    await fixture.begin();
    await delay(200);
    const now = await fixture.find("stays");
    assert.deepEqual(now?.status, before.status);
    assert.equal(readdirSync(join(config.runDir, "netns")).length, 1);
    assert.equal((await fixture.logOf("stays")).body, "begun\n");
    await fixture.remove("stays", 1);
    assert.deepEqual(readdirSync(join(config.runDir, "netns")), []);
    assert.deepEqual(fixture.problems, []);
  });
}
