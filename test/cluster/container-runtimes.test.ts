/** A whole cluster whose images are run by an OCI runtime of the machine: Service, streams, ends, a new agent, and nothing left. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { describe } from "node:test";
import { paths } from "../../src/cli/data-dir.ts";
import { clusterName } from "../../src/node/cgroups/cgroups.ts";
import { findOciProgram, ociRuntimes } from "../../src/node/runtime/oci/programs.ts";
import { ociArchive } from "../../src/node/testing/image-archive.ts";
import { hasBusybox, smallImageTar } from "../../src/node/testing/small-image.ts";
import { ordinaryUser, prepareCluster, program, skipReason, type TestCluster, until } from "./harness.ts";

const asRoot = process.getuid?.() === 0;
const users = [{ name: "as this user", as: [] as readonly string[] }];
const other = asRoot ? ordinaryUser() : undefined;
if (other) users.push({ name: "as an ordinary user", as: other });

const missingOf = (name: string): string | false =>
  skipReason ||
  (!hasBusybox() && "busybox-static is not installed") ||
  (findOciProgram(name) ? false : `Debian's ${name} is not installed`);

const serve =
  "while :; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello from %s\\n' $(hostname) | nc -l -p 8080 >/dev/null; done";
const manifests = `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: app:1
    command: [sh, -c, "echo begun; trap 'exit 0' TERM; ${serve.replaceAll("\\", "\\\\")} & wait"]
    readinessProbe: { exec: { command: [sh, -c, "ps | grep -q '[n]c -l'"] } }
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
  terminationGracePeriodSeconds: 1
  containers:
  - { name: main, image: app:1, command: [sleep, "1000"] }
`;

const jsonOf = (cluster: TestCluster, path: string, ...args: string[]): string =>
  cluster.ok("get", ...args, "-o", `jsonpath={${path}}`);

/** Folders of a cluster's cgroups, of every controller. */
const cgroupsOf = ({ dir }: TestCluster): string[] =>
  globSync(`/sys/fs/cgroup/**/${clusterName(paths(join(dir, "data")).run)}`);

/** Processes that hold on to the cluster's folder by their command line. */
const processesOf = ({ dir }: TestCluster): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dir);
    } catch {
      return false;
    }
  });

async function useIt(cluster: TestCluster, runtime: string): Promise<void> {
  assert.match(
    jsonOf(cluster, ".status.nodeInfo.containerRuntimeVersion", "node", "node-1"),
    new RegExp(`^${runtime}://\\d`),
  );
  const applied = cluster.apply(manifests);
  assert.equal(applied.code, 0, applied.stderr);
  cluster.ok("wait", "--for=condition=Ready", "pod/web", "pod/client", "--timeout=60s");
  const idOf = (pod: string) => jsonOf(cluster, ".status.containerStatuses[0].containerID", "pod", pod);
  const id = idOf("web");
  assert.match(id, new RegExp(`^${runtime}://[0-9a-f]{64}$`));
  // The cluster's own Pods are programs of the machine.
  assert.match(
    jsonOf(cluster, ".items[0].status.containerStatuses[0].containerID", "pods", "-n", "kube-system"),
    /^fairlead:/,
  );
  assert.match(cluster.ok("exec", "client", "--", "nslookup", "web.default.svc.cluster.local"), /Address: 10\.96\./);
  const address = jsonOf(cluster, ".spec.clusterIP", "service", "web");
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} 80 | grep hello`;
  const fetchIt = () => cluster.kubectl("exec", "client", "--", "sh", "-c", ask).stdout;
  await until("the Service answers", () => fetchIt() === "hello from web\n");
  assert.equal(cluster.ok("logs", "web"), "begun\n");
  const typed = cluster.kubectl("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3");
  assert.deepEqual([typed.code, typed.stdout], [3, "out\n"]);
  assert.match(typed.stderr, /err\n/);

  const agent = () => {
    const { processes } = JSON.parse(cluster.fairlead("status", "-o", "json").stdout) as {
      processes: { name: string; pid: number }[];
    };
    return processes.find(({ name }) => name === "agent node-1")?.pid ?? 0;
  };
  const old = agent();
  process.kill(old, "SIGKILL");
  await until("a new agent", () => agent() !== old && agent() > 1);
  await until("exec through the new agent", () => cluster.kubectl("exec", "web", "--", "true").code === 0);
  assert.equal(idOf("web"), id);

  const count = () => jsonOf(cluster, ".status.containerStatuses[0].restartCount", "pod", "web");
  cluster.kubectl("exec", "web", "--", "sh", "-c", "kill -TERM 1");
  await until("a restart", () => count() === "1");
  cluster.ok("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
  assert.notEqual(idOf("web"), id);
  await until("the Service answers again", () => fetchIt() === "hello from web\n");
  assert.equal(cluster.ok("logs", "web", "--previous"), "begun\n");
  cluster.ok("delete", "pod", "web", "client", "--grace-period=1");
}

for (const runtime of ociRuntimes) {
  for (const { name, as } of users) {
    describe(`images run by ${runtime} ${name}`, { skip: missingOf(runtime), timeout: 200_000 }, () => {
      test("Service, logs, exec, a killed agent, a restart, delete; nothing is left", async () => {
        const cluster = prepareCluster({ as });
        try {
          const archive = join(cluster.dir, "app.tar");
          writeFileSync(
            archive,
            ociArchive({ layers: [{ tar: smallImageTar() }], config: { Env: ["PATH=/bin"] } }, "app:1"),
            { mode: 0o644 },
          );
          const loaded = cluster.fairlead("image", "load", archive);
          assert.equal(loaded.code, 0, loaded.stderr);
          const up = cluster.fairlead("up", "--detach", "--container-runtime", runtime);
          assert.equal(up.code, 0, up.stderr);
          await useIt(cluster, runtime);
          if (asRoot && as.length === 0) assert.ok(cgroupsOf(cluster).length > 0);
          const down = cluster.fairlead("down");
          assert.equal(down.code, 0, down.stderr);
          assert.equal(existsSync(join(cluster.dir, "data")), false);
          assert.deepEqual(processesOf(cluster), []);
          assert.deepEqual(cgroupsOf(cluster), []);
        } finally {
          cluster.stop();
        }
      });
    });
  }
}

test("a runtime that is none, or is not installed, is refused in one sentence", { skip: skipReason }, (context) => {
  const cluster = prepareCluster();
  try {
    const none = cluster.fairlead("up", "--container-runtime", "auto");
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /^[^\n]*--container-runtime auto cannot be used: .* choose one of process, crun, runc, or the socket of containerd, e\.g\. unix:\/\/\/run\/containerd\/containerd\.sock\.\n$/,
    );
    const { path } = findOciProgram("crun") ?? {};
    if (path === undefined || !asRoot) return context.diagnostic("a program cannot be hidden here");
    const words = [process.execPath, program, "up", "--data", join(cluster.dir, "data"), "--container-runtime", "crun"];
    const hide = ["--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', path, ...words];
    const missing = spawnSync("unshare", hide, { env: cluster.env, encoding: "utf8", timeout: 60_000 });
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /^[^\n]*the program crun is missing: install the Debian package "crun"\.\n$/);
  } finally {
    cluster.stop();
  }
});
