/** Starting, stopping and what goes wrong on the way: one sentence each, exit code 1, nothing left behind. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ordinaryUser, prepareCluster, program, skipReason, startCluster, type TestCluster, until } from "./harness.ts";

/** What the host sees of networks, mounts and processes of ours. */
function traces(): string {
  const links = readdirSync("/sys/class/net").sort().join(" ");
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes("fairlead")).length;
  return `${links}; ${mounts} mounts`;
}

interface State {
  readonly supervisor: { readonly pid: number };
  readonly holder: { readonly pid: number };
}

const stateOf = (cluster: TestCluster): State =>
  JSON.parse(readFileSync(join(cluster.dir, "data", "cluster.json"), "utf8")) as State;

const oneSentence = (stderr: string): string => {
  const lines = stderr
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("fairlead:"));
  assert.equal(lines.length, 1, stderr);
  return lines[0] ?? "";
};

describe("a cluster's life", { skip: skipReason }, () => {
  const clusters: TestCluster[] = [];
  const keep = <T extends TestCluster>(cluster: T): T => {
    clusters.push(cluster);
    return cluster;
  };
  after(() => {
    for (const cluster of clusters) cluster.stop();
  });

  test("kill -9 of the supervisor ends everything; up starts again with the objects", async () => {
    const before = traces();
    const cluster = keep(startCluster());
    cluster.ok("create", "configmap", "kept", "--from-literal=a=b");
    const { supervisor, holder } = stateOf(cluster);
    process.kill(supervisor.pid, "SIGKILL");
    await until(
      "the holder ends",
      () =>
        !existsSync(`/proc/${holder.pid}/ns/net`) || !readFileSync(`/proc/${holder.pid}/stat`, "utf8").includes(" S "),
    );
    assert.equal(traces(), before);
    const again = cluster.fairlead("up", "--detach");
    assert.equal(again.code, 0, again.stderr);
    assert.equal(cluster.ok("get", "configmap", "kept", "-o", "jsonpath={.data.a}"), "b");
    assert.equal(cluster.fairlead("down").code, 0);
    assert.equal(traces(), before);
    assert.equal(existsSync(join(cluster.dir, "data")), false);
  });

  test("two clusters stand side by side, each with its port and context", () => {
    const [first, second] = [keep(startCluster()), keep(startCluster())];
    const serverOf = (cluster: TestCluster): string =>
      cluster.ok("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}");
    assert.notEqual(serverOf(first), serverOf(second));
    first.ok("create", "namespace", "only-here");
    assert.equal(second.kubectl("get", "namespace", "only-here").code, 1);
    const again = first.fairlead("up", "--detach");
    assert.equal(again.code, 1);
    assert.match(oneSentence(again.stderr), /A cluster runs with the data folder .*fairlead down/);
    first.stop();
    assert.match(second.ok("get", "nodes"), /node-1\s+Ready/);
    second.stop();
  });

  test("kill -9 of up --detach before it is ready: the cluster comes up all the same", async () => {
    const cluster = keep(prepareCluster());
    const words = [program, "up", "--detach", "--data", join(cluster.dir, "data")];
    const prompt = spawn(process.execPath, words, { cwd: cluster.dir, env: cluster.env, stdio: "ignore" });
    await until("the cluster is begun", () => existsSync(join(cluster.dir, "data", "cluster.json")));
    prompt.kill("SIGKILL");
    await until("the node is ready", () => /node-1\s+Ready/.test(cluster.kubectl("get", "nodes").stdout));
    await until("the status says so", () => cluster.fairlead("status").code === 0);
    cluster.stop();
  });

  test("a port in use", async () => {
    const cluster = keep(prepareCluster());
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    const { code, stderr } = cluster.fairlead("up", "--api-port", String(port));
    server.close();
    assert.equal(code, 1);
    assert.match(oneSentence(stderr), new RegExp(`Port ${port} on 127.0.0.1 is in use .*--api-port`));
    assert.equal(existsSync(join(cluster.dir, "data", "cluster.json")), false);
  });

  test("a data folder that cannot be written", () => {
    const user = ordinaryUser();
    const cluster = keep(prepareCluster({ as: user ?? [] }));
    mkdirSync(join(cluster.dir, "data"));
    chmodSync(join(cluster.dir, "data"), 0o500);
    // Root may write everywhere: only a file in a folder's place stops it.
    if (process.getuid?.() === 0 && user === undefined) writeFileSync(join(cluster.dir, "data", "pki"), "");
    const { code, stderr } = cluster.fairlead("up");
    assert.equal(code, 1);
    assert.match(oneSentence(stderr), /data folder .*--data DIR|pki/);
  });

  test("a missing system program", () => {
    const cluster = keep(prepareCluster());
    cluster.env.PATH = "/nowhere";
    const { code, stderr } = cluster.fairlead("up");
    assert.equal(code, 1);
    assert.match(oneSentence(stderr), /program "unshare" is missing: install the Debian package "util-linux"/);
  });

  test("user namespaces that are forbidden", () => {
    const cluster = keep(prepareCluster());
    // In a user namespace that allows no more of them, without any capability: as on a system that forbids them.
    const script =
      'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"';
    const words = [
      "-Ur",
      "sh",
      "-c",
      script,
      "sh",
      process.execPath,
      program,
      "up",
      "--data",
      join(cluster.dir, "data"),
    ];
    const { status, stderr } = spawnSync("unshare", words, { env: cluster.env, encoding: "utf8", timeout: 30_000 });
    assert.equal(status, 1);
    assert.match(oneSentence(stderr), /forbids user namespaces .*sysctl -w user.max_user_namespaces=/);
  });

  test("wrong usage ends with 2, an unknown mode with 1", () => {
    const cluster = keep(prepareCluster());
    assert.equal(cluster.fairlead("up", "--nodes", "many").code, 2);
    assert.equal(cluster.fairlead("up", "--what").code, 2);
    assert.equal(cluster.fairlead("up", "--proxy-mode", "magic").code, 1);
    assert.equal(cluster.fairlead("status").code, 1);
    assert.equal(cluster.fairlead("down").code, 0);
  });

  test("manifests that are wrong change nothing and leave nothing", () => {
    const before = traces();
    const cluster = keep(prepareCluster());
    const path = join(cluster.dir, "bad.yaml");
    // The seed document's own listing: its indentation is lost.
    writeFileSync(
      path,
      "apiVersion: v1\nkind: Service\nmetadata:\nname: backend\nspec:\nselector:\n    app: backend\nports:\n    - port: 8080\n    targetPort: 8080\ntype: ClusterIP\n",
    );
    const lost = cluster.fairlead("up", "-f", path);
    assert.equal(lost.code, 1);
    assert.match(oneSentence(lost.stderr), /bad\.yaml.*Service.*indentation/);
    writeFileSync(
      path,
      "apiVersion: v1\nkind: Service\nmetadata: {name: backend}\nspec: {ports: [{port: 80}], colour: red}\n",
    );
    const unknown = cluster.fairlead("up", "-f", path);
    assert.equal(unknown.code, 1);
    assert.match(oneSentence(unknown.stderr), /unknown field "spec\.colour"/);
    assert.equal(traces(), before);
  });

  test("Ctrl-C removes everything", async () => {
    const before = traces();
    const cluster = keep(prepareCluster());
    const script = `"$0" "$1" up --data "$2" & pid=$!; for i in $(seq 100); do test -e "$2/cluster.json" && break; sleep 0.1; done; sleep 1; kill -INT $pid; wait $pid`;
    const { status, stderr } = spawnSync("bash", ["-c", script, process.execPath, program, join(cluster.dir, "data")], {
      env: cluster.env,
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(status, 0, stderr);
    assert.equal(traces(), before);
    assert.doesNotMatch(cluster.kubectl("config", "get-contexts", "-o", "name").stdout, /fairlead/);
  });
});
