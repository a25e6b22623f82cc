import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Event, Pod } from "../api/object.ts";
import { configMaps, events, leases, nodes, pods, services } from "../api/resource.ts";
import { isNotFound } from "../client/client.ts";
import { createMemoryClient } from "../client/testing/memory-client.ts";
import { listLinks, openRouteSocket, setLink } from "../kernel/route/mod.ts";
import { createLog } from "../lib/log.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { AgentConfig } from "./agent-config.ts";
import { writeCertificates } from "./testing/certificates.ts";
import { inNamespaces } from "./testing/in-namespaces.ts";

const limitMs = 15_000;
const port = 10250;

if (inNamespaces(import.meta.url)) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-agent-"));
  const client = createMemoryClient();
  const config: AgentConfig = {
    nodeName: "node-1",
    nodeIp: "127.0.0.1",
    podCidr: "10.244.7.0/24",
    clusterCidr: "10.244.0.0/16",
    clusterDns: "10.96.0.10",
    clusterDomain: "cluster.local",
    runDir: join(directory, "run"),
    dataDir: join(directory, "data"),
    server: {
      port,
      caFile: join(directory, "ca.crt"),
      certFile: join(directory, "server.crt"),
      keyFile: join(directory, "server.key"),
    },
    programs: { fairlead: ["/bin/echo", "fairlead"] },
    mtu: 1500,
  };
  let agent: Agent;
  let stop: AbortController;
  const errors: string[] = [];

  const begin = async () => {
    stop = new AbortController();
    const log = createLog((line) => {
      if (!/ (ERROR|WARN) /.test(line)) return;
      errors.push(line);
      process.stderr.write(`${line}\n`);
    });
    agent = startAgent({ config, client, log, signal: stop.signal });
    await agent.ready;
  };
  const end = async () => {
    stop.abort();
    await agent.done;
  };

  before(async () => {
    for (const path of [config.runDir, config.dataDir]) mkdirSync(path, { recursive: true });
    const socket = openRouteSocket();
    setLink(socket, "lo", { up: true });
    socket.close();
    await writeCertificates(directory);
    await begin();
  });
  after(async () => {
    await end();
    rmSync(directory, { recursive: true, force: true });
  });

  const create = (name: string, spec: PodSpec) =>
    client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", labels: { app: name } },
      spec: { nodeName: config.nodeName, terminationGracePeriodSeconds: 5, ...spec },
    });
  const find = async (name: string): Promise<Pod | undefined> => {
    try {
      return await client.get(pods, name, "default");
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const until = async <T>(read: () => Promise<T | undefined | false>, what: string): Promise<T> => {
    for (const limit = Date.now() + limitMs; Date.now() < limit; await delay(2)) {
      const value = await read();
      if (value) return value;
    }
    throw new Error(`${what} did not happen in time`);
  };
  const podWhen = (name: string, accept: (pod: Pod) => boolean) =>
    until(async () => {
      const pod = await find(name);
      return pod && accept(pod) && pod;
    }, `${name}: ${accept}`);
  const isReady = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  const waitingReason = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.waiting?.reason;
  const remove = async (name: string) => {
    await client.delete(pods, { name, namespace: "default" });
    await until(async () => !(await find(name)), `deletion of ${name}`);
  };
  const eventsOf = async (name: string): Promise<Event[]> =>
    (await client.list(events, { namespace: "default" })).items.filter(
      ({ involvedObject }) => involvedObject.name === name,
    );
  const logOf = (name: string, query = ""): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const read = (file: string) => readFileSync(join(directory, file));
      const path = `/containerLogs/default/${name}/main${query}`;
      const tls = { ca: read("ca.crt"), cert: read("client.crt"), key: read("client.key"), agent: false };
      const request = get({ host: "127.0.0.1", port, path, ...tls }, async (response) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        resolve({ status: response.statusCode ?? 0, body });
      });
      request.on("error", reject);
    });
  const shell = (script: string) => ({ name: "main", image: "host", command: ["/bin/sh", "-c", script] });

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
    await create("echo", { containers: [{ name: "main", image: "fairlead/echo", ports, readinessProbe: probe }] });
    const running = await podWhen("echo", ({ status }) => status?.phase === "Running");
    const runningMs = performance.now() - begun;
    const pod = await podWhen("echo", isReady);
    const readyMs = performance.now() - begun;
    process.stdout.write(`# running after ${runningMs.toFixed(0)} ms, ready after ${readyMs.toFixed(0)} ms\n`);
    assert.ok(readyMs < 5_000);
    assert.equal(running.status?.podIP, "10.244.7.2");
    assert.equal(pod.status?.hostIP, "127.0.0.1");
    const answer = await fetch(`http://${pod.status?.podIP}:8080/`);
    assert.equal(await answer.text(), "echo\n");
    const reasons = (await eventsOf("echo")).map(({ reason }) => reason);
    assert.deepEqual(reasons, ["Pulled", "Created", "Started"]);
    assert.match((await logOf("echo")).body, /echo answers HTTP on 8080/);
    await remove("echo");
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
    await create("once", {
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
    const pod = await podWhen("once", ({ status }) => status?.phase === "Failed");
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
    const { body } = await logOf("once");
    for (const line of wanted)
      assert.ok(
        body.split("\n").some((found) => found.startsWith(line)),
        `${line} in ${body}`,
      );
    const { state } = pod.status?.containerStatuses?.[0] ?? {};
    assert.equal(state?.terminated?.exitCode, 3);
    assert.equal(state?.terminated?.reason, "Error");
    assert.equal(pod.status?.initContainerStatuses?.[0]?.ready, true);
    await remove("once");
  });

  test("a container that fails is restarted at once, then held back; its former log is kept", async () => {
    await create("crash", { containers: [shell("echo try; exit 1")] });
    const pod = await podWhen("crash", (found) => waitingReason(found) === "CrashLoopBackOff");
    const [status] = pod.status?.containerStatuses ?? [];
    assert.equal(status?.restartCount, 1);
    assert.equal(status?.lastState?.terminated?.exitCode, 1);
    assert.match(
      status?.state?.waiting?.message ?? "",
      /^back-off 10s restarting failed container=main pod=crash_default/,
    );
    assert.equal(pod.status?.phase, "Running");
    assert.deepEqual(await logOf("crash", "?previous=true"), { status: 200, body: "try\n" });
    await remove("crash");
  });

  test("faults of a Pod show as users know them", async () => {
    await create("image", { containers: [{ name: "main", image: "nginx:1.27" }] });
    const pull = await podWhen("image", (pod) => waitingReason(pod) === "ErrImagePull");
    assert.match(
      pull.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "",
      /nginx:1\.27.*fairlead image load/,
    );
    await podWhen("image", (pod) => waitingReason(pod) === "ImagePullBackOff");
    await create("config", {
      containers: [{ ...shell("true"), env: [{ name: "X", valueFrom: { secretKeyRef: { name: "none", key: "x" } } }] }],
    });
    const config = await podWhen("config", (pod) => waitingReason(pod) === "CreateContainerConfigError");
    assert.equal(config.status?.containerStatuses?.[0]?.state?.waiting?.message, 'secret "none" not found');
    await create("program", {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "host", command: ["no-such"] }],
    });
    const program = await podWhen("program", ({ status }) => status?.phase === "Failed");
    assert.equal(program.status?.containerStatuses?.[0]?.state?.terminated?.reason, "StartError");
    for (const name of ["image", "config", "program"]) await remove(name);
  });

  test("deletion: preStop, SIGTERM, and SIGKILL after the grace period; logs follow to the end", async () => {
    const main = {
      ...shell("trap 'echo got TERM' TERM; echo up; while :; do sleep 0.05; done"),
      lifecycle: { preStop: { exec: { command: ["/bin/sh", "-c", "echo pre-stop >/proc/1/fd/1"] } } },
    };
    await create("stubborn", { terminationGracePeriodSeconds: 1, containers: [main] });
    await podWhen("stubborn", isReady);
    const followed = logOf("stubborn", "?follow=true&timestamps=true");
    await delay(100);
    const begun = performance.now();
    // The store of the test does not default the grace period from the spec.
    await client.delete(pods, { name: "stubborn", namespace: "default" }, { gracePeriodSeconds: 1 });
    await until(async () => !(await find("stubborn")), "deletion");
    const tookMs = performance.now() - begun;
    assert.ok(tookMs > 950 && tookMs < 4_000, `${tookMs} ms`);
    assert.match((await followed).body, /^\S+Z up\n\S+Z pre-stop\n\S+Z got TERM\n/);
  });

  test("a liveness probe that fails restarts the container", async () => {
    const livenessProbe = { exec: { command: ["/bin/sh", "-c", "exit 1"] }, periodSeconds: 1, failureThreshold: 1 };
    await create("sick", {
      containers: [{ ...shell("exec sleep 100"), livenessProbe }],
      terminationGracePeriodSeconds: 0,
    });
    const pod = await podWhen("sick", ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
    const reasons = (await eventsOf("sick")).map(({ reason }) => reason);
    assert.ok(reasons.includes("Unhealthy") && reasons.includes("Killing"));
    await remove("sick");
  });

  test("busybox has a root of its own", async () => {
    await create("box", {
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
    const pod = await podWhen(
      "box",
      ({ status }) => status?.phase === "Succeeded" || waitingReason({ status } as Pod) === "ErrImagePull",
    );
    if (waitingReason(pod))
      assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "", /busybox-static/);
    else assert.match((await logOf("box")).body, /^1\nbin\ndev\netc\nhome\nproc\nroot\nrun\nsys\ntmp\nusr\nvar\nbox\n/);
    await remove("box");
  });

  test("the next agent adopts what runs and removes what has no Pod", async () => {
    // A readiness that must not be lost: the next agent's first probe comes 10 s later.
    const readinessProbe = { exec: { command: ["true"] }, periodSeconds: 10, initialDelaySeconds: 1 };
    await create("stays", { containers: [{ ...shell("echo begun; exec sleep 100"), readinessProbe }] });
    await create("goes", { containers: [shell("exec sleep 100")] });
    const before = await podWhen("stays", isReady);
    await podWhen("goes", isReady);
    await end();
    await client.delete(pods, { name: "goes", namespace: "default" }, { gracePeriodSeconds: 0 });
    await begin();
    await delay(200);
    const now = await find("stays");
    assert.deepEqual(now?.status, before.status);
    assert.equal(readdirSync(join(config.runDir, "netns")).length, 1);
    assert.equal((await logOf("stays")).body, "begun\n");
    await client.delete(pods, { name: "stays", namespace: "default" }, { gracePeriodSeconds: 1 });
    await until(async () => !(await find("stays")), "deletion of stays");
    assert.deepEqual(readdirSync(join(config.runDir, "netns")), []);
    assert.deepEqual(errors, []);
  });
}
