/** exec, attach, run, cp, port-forward and proxy with the real kubectl, in both protocols that kubectl has known. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { firstLine, ordinaryUser, type Run, skipReason, startCluster, type TestCluster, until } from "./harness.ts";

const kubectl = process.env.KUBECTL ?? "kubectl";
const limitMs = 30_000;

/** What makes kubectl (1.31 and later) speak as it did before. */
const protocols: Readonly<Record<string, NodeJS.ProcessEnv>> = {
  WebSocket: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "true", KUBECTL_PORT_FORWARD_WEBSOCKETS: "true" },
  "SPDY/3.1": { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" },
};

const pods = `
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: web, image: fairlead/echo, env: [{name: WHO, value: web}], ports: [{name: http, containerPort: 8080}]}
  - {name: side, image: busybox, command: [sleep, "100000"], env: [{name: WHO, value: side}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: busybox, stdin: true, command: [sh, -c, "while read line; do echo \\"got $line\\"; done; sleep 100000"]}]
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{name: web, port: 80, targetPort: http}]}
`;

/** Command lines of the machine's processes: those of the cluster among them. */
function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(join("/proc", pid, "cmdline"), "utf8")
          .replaceAll("\0", " ")
          .trim();
      } catch {
        // It has ended.
        return [];
      }
    });
}

interface Client {
  run(words: readonly string[], input?: string): Run;
  /** The same at a terminal of 33 lines and 99 columns. */
  atTerminal(words: string): Run;
  begin(words: readonly string[]): ChildProcess;
}

function client(cluster: TestCluster, protocol: NodeJS.ProcessEnv): Client {
  const options = { cwd: cluster.dir, env: { ...cluster.env, ...protocol } };
  const run = (program: string, words: readonly string[], input = ""): Run => {
    const { status, stdout, stderr } = spawnSync(program, words, {
      ...options,
      input,
      encoding: "utf8",
      timeout: limitMs,
    });
    return { code: status, stdout, stderr };
  };
  return {
    run: (words, input) => run(kubectl, words, input),
    atTerminal: (words) => run("script", ["-qec", `stty rows 33 cols 99; ${kubectl} ${words}`, "/dev/null"]),
    begin: (words) => spawn(kubectl, words, { ...options, stdio: ["pipe", "pipe", "pipe"] }),
  };
}

async function forwarded(kube: Client, target: string, port: number): Promise<string[]> {
  const forward = kube.begin(["port-forward", target, `:${port}`]);
  try {
    const line = await firstLine(forward);
    const local = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    const answers = [1, 2, 3].map(() => fetch(`http://127.0.0.1:${local}/`).then((answer) => answer.text()));
    return await Promise.all(answers);
  } finally {
    forward.kill("SIGKILL");
  }
}

function testProtocol(name: string, protocol: NodeJS.ProcessEnv, cluster: () => TestCluster): void {
  describe(name, () => {
    let kube: Client;
    before(() => {
      kube = client(cluster(), protocol);
    });

    test("exec: both outputs, exit code, stdin, and the container that is meant", () => {
      const script = "echo out $WHO; echo err >&2; echo again >/dev/stdout; exit 3";
      const side = kube.run(["exec", "two", "-c", "side", "--", "sh", "-c", script]);
      assert.deepEqual([side.code, side.stdout], [3, "out side\nagain\n"]);
      assert.match(side.stderr, /^err\ncommand terminated with exit code 3\n$/);
      assert.equal(kube.run(["exec", "two", "-c", "web", "--", "sh", "-c", "echo $WHO"]).stdout, "web\n");
      const text = randomBytes(3_000_000).toString("base64");
      const cat = kube.run(["exec", "-i", "two", "-c", "side", "--", "md5sum"], text);
      assert.equal(
        cat.stdout.split(" ")[0],
        spawnSync("md5sum", { input: text, encoding: "utf8" }).stdout.split(" ")[0],
      );
      const none = kube.run(["exec", "two", "-c", "none", "--", "true"]);
      assert.match(none.stderr, /container none is not valid for pod two|container not found/);
    });

    test("exec -it: a terminal of the right size that answers the keyboard", () => {
      const script = "sleep 0.3; stty size; echo $TERM; test -t 0 && test -t 1 && echo terminal; exit 4";
      const { code, stdout } = kube.atTerminal(`exec -it two -c side -- sh -c '${script}'`);
      assert.match(stdout, /33 99\r\nxterm\r\nterminal\r\n/);
      assert.equal(code, 4);
    });

    test("run -it --rm --restart=Never -- nslookup, word for word", () => {
      const { stdout } = kube.atTerminal("run -it --rm dns-test --image=busybox --restart=Never -- nslookup two");
      assert.match(stdout, /Name:\s+two\.default\.svc\.cluster\.local\r\nAddress: 10\.96\.\d+\.\d+/);
      assert.match(stdout, /pod "dns-test" deleted/);
      const piped = kube.run(
        ["run", "-i", "--rm", "cat-test", "--image=busybox", "--restart=Never", "--", "cat"],
        "piped\n",
      );
      assert.match(piped.stdout, /^piped\n/);
      assert.equal(piped.code, 0);
    });

    test("attach: what is typed is read, what is written is shown and logged", async () => {
      const attached = kube.begin(["attach", "-i", "reader"]);
      const line = firstLine(attached);
      attached.stdin?.write(`${name}\n`);
      try {
        assert.match(await line, /^got /);
        await until("the log", () => cluster().kubectl("logs", "reader").stdout.includes(`got ${name}`));
      } finally {
        attached.kill("SIGKILL");
      }
    });

    test("debug: an ephemeral container sees the processes of its target", (t) => {
      const version = kube.run(["version", "--client", "-o", "json"]).stdout;
      // Older ones speak to a form of the subresource that Kubernetes has taken away.
      const minor = Number(/"minor": "(\d+)/.exec(version)?.[1]);
      if (minor < 23) return t.skip(`kubectl 1.${minor} speaks to an API of before Kubernetes 1.23`);
      const container = `debugger-${name.toLowerCase().replaceAll(/\W/g, "-")}`;
      const words = ["debug", "two", "-i", "--image=busybox", "--target=side", `--container=${container}`];
      const { stdout, stderr } = kube.run([...words, "--", "sh", "-c", "sleep 1; ps; hostname"]);
      assert.match(stdout, /sleep 100000\n.*two\n$/s, stderr);
    });

    test("cp there and back", () => {
      const bytes = randomBytes(2_000_000);
      writeFileSync(join(cluster().dir, "there"), bytes);
      assert.equal(kube.run(["cp", "there", "two:/tmp/copy", "-c", "side"]).code, 0);
      assert.equal(kube.run(["cp", "two:/tmp/copy", "back", "-c", "side"]).code, 0);
      assert.ok(readFileSync(join(cluster().dir, "back")).equals(bytes));
    });

    test("port-forward to a Pod and a Service, several connections at once", async () => {
      assert.deepEqual(await forwarded(kube, "pod/two", 8080), ["two\n", "two\n", "two\n"]);
      assert.deepEqual(await forwarded(kube, "service/two", 80), ["two\n", "two\n", "two\n"]);
    });

    test("a client that breaks off leaves nothing behind", async () => {
      const seconds = String(700_000 + Math.floor(Math.random() * 99_999));
      const isIn = (): boolean =>
        commandLines().some((line) => line.endsWith(`sleep ${seconds}`) && !/kubectl/.test(line));
      for (const words of [["-i"], ["-i", "-t"]]) {
        const broken = kube.begin(["exec", ...words, "two", "-c", "side", "--", "sh", "-c", `sleep ${seconds}; true`]);
        await until("the command", isIn);
        broken.kill("SIGKILL");
        await until("its end", () => !isIn());
      }
    });
  });
}

function testStreams(name: string, as: readonly string[] | undefined, skip: string | false): void {
  describe(`streams as ${name}`, { skip }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = startCluster(as ? { as } : {});
      const applied = cluster.apply(pods);
      assert.equal(applied.code, 0, applied.stderr);
      cluster.ok("wait", "pod", "two", "reader", "--for=condition=Ready", "--timeout=30s");
    });
    after(() => cluster?.stop());

    for (const [protocol, env] of Object.entries(protocols)) testProtocol(protocol, env, () => cluster);

    test("get --raw through the API server: Pod, Service and node", () => {
      const base = "/api/v1/namespaces/default";
      for (const place of ["pods/two", "pods/two:8080", "services/two:web", "services/http:two:80"]) {
        assert.equal(cluster.ok("get", "--raw", `${base}/${place}/proxy/`), "two\n");
      }
      assert.equal(cluster.ok("get", "--raw", "/api/v1/nodes/node-1/proxy/healthz").trim(), "ok");
      const node = "/api/v1/nodes/node-1:10250/proxy";
      assert.match(cluster.ok("get", "--raw", `${node}/logs/`), /<a href="agent-node-1.log">/);
      assert.match(cluster.kubectl("get", "--raw", `${node}/logs/..%2f..%2fpki/ca.key`).stderr, /NotFound/);
      assert.match(cluster.ok("get", "--raw", `${node}/metrics`), /^kubelet_running_pods \d+$/m);
      assert.match(cluster.kubectl("get", "--raw", `${base}/services/none/proxy/`).stderr, /services "none" not found/);
    });
  });
}

const isRoot = process.getuid?.() === 0;
testStreams("root", [], skipReason || (!isRoot && "not root"));
const user = ordinaryUser();
testStreams("an ordinary user", user, skipReason || (!user && "the checkout cannot be read by an ordinary user"));
