/** A whole cluster whose images are run by containerd, which the test starts itself from Debian's package. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { openRouteSocket, setLink } from "../../src/kernel/route/mod.ts";
import { CriClient } from "../../src/node/runtime/cri/client.ts";
import { Containerd } from "../../src/node/testing/containerd.ts";
import { noContainerd } from "../../src/node/testing/find-containerd.ts";
import { ociArchive } from "../../src/node/testing/image-archive.ts";
import { inNamespaces } from "../../src/node/testing/in-namespaces.ts";
import { hasBusybox, smallImageTar } from "../../src/node/testing/small-image.ts";
import { firstLine, prepareCluster, skipReason, type TestCluster, until } from "./harness.ts";

const serve =
  "while :; do printf 'HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\nhello from %s\\\\n' $(hostname) | nc -l -p 8080 >/dev/null; done";
const manifests = `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: app:1
    command: [sh, -c, "echo begun; trap 'exit 0' TERM; ${serve} & wait"]
    readinessProbe: { exec: { command: [sh, -c, "ps | grep -q '[n]c -l'"] }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { port: 80, targetPort: 8080 } ] }
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - { labelSelector: { matchLabels: { app: web } }, topologyKey: kubernetes.io/hostname }
  terminationGracePeriodSeconds: 1
  containers:
  - { name: main, image: app:1, command: [sleep, "1000"] }
`;

async function forwarded(cluster: TestCluster, target: string, port: number): Promise<string> {
  const forward = cluster.begin("port-forward", target, `:${port}`);
  try {
    const local = /127\.0\.0\.1:(\d+)/.exec(await firstLine(forward))?.[1];
    return await (await fetch(`http://127.0.0.1:${local}/`)).text();
  } finally {
    forward.kill("SIGKILL");
  }
}

const skip = skipReason || (!hasBusybox() && "busybox-static is not installed") || noContainerd();

if (inNamespaces(import.meta.url, [{ skip }])) {
  test("Service, logs, exec, port-forward, two nodes, a killed agent; down leaves nothing in containerd", async () => {
    const route = openRouteSocket();
    setLink(route, "lo", { up: true });
    route.close();
    const cluster = prepareCluster();
    const folder = join(cluster.dir, "containerd");
    mkdirSync(folder);
    const containerd = new Containerd(folder, { cgroups: true });
    const client = new CriClient(containerd.socket);
    try {
      await containerd.start();
      const archive = join(cluster.dir, "app.tar");
      writeFileSync(
        archive,
        ociArchive({ layers: [{ tar: smallImageTar() }], config: { Env: ["PATH=/bin"] } }, "app:1"),
      );
      assert.equal(cluster.fairlead("image", "load", archive).code, 0);
      const up = cluster.fairlead(
        ...["up", "--detach", "--nodes", "2", "--container-runtime", `unix://${containerd.socket}`],
      );
      assert.equal(up.code, 0, up.stderr);
      assert.equal(cluster.apply(manifests).code, 0);
      cluster.ok("wait", "--for=condition=Ready", "pod/web", "pod/client", "--timeout=60s");
      const get = (path: string, ...what: string[]) => cluster.ok("get", ...what, "-o", `jsonpath={${path}}`);
      assert.match(get(".status.nodeInfo.containerRuntimeVersion", "node", "node-1"), /^containerd:\/\/\d/);
      const id = get(".status.containerStatuses[0].containerID", "pod", "web");
      assert.match(id, /^containerd:\/\/[0-9a-f]{64}$/);
      const address = get(".spec.clusterIP", "service", "web");
      const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} 80 | grep hello`;
      await until(
        "the Service answers",
        () => cluster.kubectl("exec", "client", "--", "sh", "-c", ask).stdout === "hello from web\n",
      );
      assert.match(
        cluster.ok("exec", "client", "--", "nslookup", "web.default.svc.cluster.local"),
        /Address: 10\.96\./,
      );
      assert.equal(cluster.ok("logs", "web"), "begun\n");
      const typed = cluster.kubectl("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3");
      assert.deepEqual([typed.code, typed.stdout], [3, "out\n"]);

      // Between two clients the server is not there.
      const answer = () => forwarded(cluster, "pod/web", 8080).catch(() => undefined);
      await until("port-forward reaches the Pod", async () => (await answer()) === "hello from web\n");

      const node = get(".spec.nodeName", "pod", "web");
      assert.notEqual(get(".spec.nodeName", "pod", "client"), node);
      const agent = () =>
        (
          JSON.parse(cluster.fairlead("status", "-o", "json").stdout) as { processes: { name: string; pid: number }[] }
        ).processes.find(({ name }) => name === `agent ${node}`)?.pid ?? 0;
      const old = agent();
      process.kill(old, "SIGKILL");
      await until("a new agent", () => agent() !== old && agent() > 1);
      await until("exec through the new agent", () => cluster.kubectl("exec", "web", "--", "true").code === 0);
      assert.equal(get(".status.containerStatuses[0].containerID", "pod", "web"), id);

      const down = cluster.fairlead("down");
      assert.equal(down.code, 0, down.stderr);
      assert.equal(existsSync(join(cluster.dir, "data")), false);
      assert.deepEqual((await client.call("listPodSandbox", {})).items, []);
      const { images } = await client.call("listImages", {});
      assert.deepEqual(
        images.flatMap(({ repoTags }) => repoTags),
        ["localhost/pause:1"],
      );
    } finally {
      client.close();
      cluster.stop();
      await containerd.stop();
    }
  });
}
