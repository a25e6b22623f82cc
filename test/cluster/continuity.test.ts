/** A Service keeps its name and address while everything behind and around it changes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { skipReason, startCluster, type TestCluster, until } from "./harness.ts";
import { holdTcp, holdUdp, untilOpen } from "./held.ts";
import { loadFrom } from "./load.ts";

const resolverTimeoutMs = 5500;

/** A Pod that opens a new connection through the name every few milliseconds, and keeps one connection open. */
const client = `
const http = require("node:http");
let done = 0, failed = 0;
const hosts = new Map();
const ask = (agent, then) => {
  const request = http.get({ host: "backend", port: 8080, path: "/", agent, timeout: 4000 }, (response) => {
    let text = ""; response.on("data", (d) => { text += d; }); response.on("end", () => then(undefined, text.trim()));
  });
  request.on("timeout", () => request.destroy(new Error("timeout")));
  request.on("error", (error) => then(error));
};
const next = () => ask(false, (error, text) => {
  if (error) { failed++; console.log("failed " + new Date().toISOString() + " " + error.message); }
  else { done++; hosts.set(text, (hosts.get(text) || 0) + 1); }
  setTimeout(next, 4);
});
next(); next();
setInterval(() => { console.log("report " + done + " " + failed + " " + hosts.size); hosts.clear(); }, 250);
`;

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "client" },
  spec: { containers: [{ name: "client", image: "host", command: [process.execPath, "-e", client] }] },
};

/** Node ports that no other cluster on this machine has: for requests, and for connections and flows that stay. */
const door = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "door" },
  spec: {
    type: "NodePort",
    selector: { app: "web" },
    ports: [
      { name: "http", port: 8080, protocol: "TCP" },
      { name: "tcp", port: 8081, protocol: "TCP" },
      { name: "udp", port: 8080, protocol: "UDP" },
    ],
  },
};

describe("continuous requests through the name of a Service", { skip: skipReason }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = startCluster({ args: ["--demo"] });
    for (const object of [pod, door]) {
      const { code, stderr } = cluster.apply(JSON.stringify(object));
      assert.equal(code, 0, stderr);
    }
    await until("the client reports", () => (report().done > 50 ? true : undefined));
  });
  after(() => cluster?.stop());

  function report(): { done: number; failed: number; hosts: number; failures: string[] } {
    const lines = cluster.kubectl("logs", "client").stdout.split("\n");
    const [, done = "0", failed = "0", hosts = "0"] =
      lines.findLast((line) => line.startsWith("report"))?.split(" ") ?? [];
    const failures = lines.filter((line) => line.startsWith("failed"));
    return { done: Number(done), failed: Number(failed), hosts: Number(hosts), failures };
  }

  /** Runs `action` and checks that requests went on during and after it, without one that failed. */
  async function withoutFailure(what: string, action: () => Promise<void>): Promise<void> {
    const start = report();
    await action();
    const middle = report();
    await until(`requests go on after ${what}`, () => (report().done > middle.done + 50 ? true : undefined));
    const end = report();
    assert.equal(end.failed - start.failed, 0, `${what}: ${end.failures.slice(start.failed).join("; ")}`);
  }

  const scale = async (replicas: number): Promise<void> => {
    cluster.ok("scale", "deployment", "backend", `--replicas=${replicas}`);
    cluster.ok("rollout", "status", "deployment", "backend", "--timeout=20s");
    await until(
      `${replicas} Pods`,
      () => cluster.ok("get", "pods", "-l", "app=backend", "-o", "name").trim().split("\n").length === replicas,
    );
  };

  test("scaling 1 → 5 → 2 fails no request", async () => {
    await scale(1);
    await withoutFailure("scaling", async () => {
      await scale(5);
      await until("five Pods answer", () => report().hosts === 5);
      await scale(2);
      await until("two Pods answer", () => report().hosts === 2);
    });
  });

  test("a rolling restart fails no request", async () => {
    await withoutFailure("a rolling restart", async () => {
      cluster.ok("rollout", "restart", "deployment", "backend");
      cluster.ok("rollout", "status", "deployment", "backend", "--timeout=30s");
    });
  });

  const pidOf = (name: string): number => {
    const { processes } = JSON.parse(cluster.fairlead("status", "-o", "json").stdout) as {
      processes: { name: string; pid: number }[];
    };
    return processes.find((one) => one.name === name)?.pid ?? 0;
  };
  /** The container's process, by its restart count and the command line seen from a shell in the cluster's pid namespace. */
  const killSystemPod = (part: "proxy" | "dns"): void => {
    const script = `for p in /proc/[0-9]*; do if tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q 'fairlead[.]js ${part} '; then kill -9 \${p#/proc/}; fi; done`;
    cluster.shell("--outside", "--", "sh", "-c", script);
  };
  const restarts = (app: string): number =>
    Number(
      cluster.ok(
        "-n",
        "kube-system",
        "get",
        "pods",
        "-l",
        `k8s-app=${app}`,
        "-o",
        "jsonpath={.items[0].status.containerStatuses[0].restartCount}",
      ) || "0",
    );
  const ready = (app: string): boolean =>
    cluster.kubectl(
      "-n",
      "kube-system",
      "get",
      "pods",
      "-l",
      `k8s-app=${app}`,
      "-o",
      "jsonpath={.items[0].status.containerStatuses[0].ready}",
    ).stdout === "true";

  test("kill -9 of the proxy: connections go on, it comes back and follows changes", async () => {
    await withoutFailure("killing the proxy", async () => {
      killSystemPod("proxy");
      await until("the proxy is back", () => restarts("kube-proxy") >= 1 && ready("kube-proxy"));
      await scale(3);
      await until("three Pods answer", () => report().hosts === 3);
    });
  });

  test("kill -9 of the DNS server: it comes back, names resolve again", async () => {
    const address = cluster.ok("get", "svc", "backend", "-o", "jsonpath={.spec.clusterIP}");
    killSystemPod("dns");
    // Connections by the address do not notice.
    for (let i = 0; i < 10; i++)
      assert.match(cluster.shell("--", "curl", "-sS", "--max-time", "2", `http://${address}:8080`).stdout, /^backend-/);
    await until("the DNS server is back", () => restarts("kube-dns") >= 1 && ready("kube-dns"));
    // A query that died with the server is asked again by the client's resolver after five seconds.
    await sleep(resolverTimeoutMs);
    await withoutFailure("the DNS server came back", async () => {});
  });

  function nodePorts(): [http: number, tcp: number, udp: number] {
    const [http = 0, tcp = 0, udp = 0] = cluster
      .ok("get", "svc", "door", "-o", "jsonpath={.spec.ports[*].nodePort}")
      .split(" ")
      .map(Number);
    return [http, tcp, udp];
  }

  /** From the host through 127.0.0.1: new connections all the time, and one of each protocol that stays. */
  async function withoutFailureFromHost(action: () => Promise<void>): Promise<void> {
    const [http, tcpPort, udpPort] = nodePorts();
    await untilOpen(tcpPort);
    const load = loadFrom(cluster, "host", { urls: [`http://127.0.0.1:${http}`] });
    const [tcp, udp] = [await holdTcp(tcpPort), await holdUdp(udpPort)];
    try {
      await until("the host's requests are answered", () => load.now().done > 20);
      const hosts = [await tcp.ask(), await udp.ask()];
      await action();
      assert.deepEqual([await tcp.ask(), await udp.ask()], hosts, "the same connections, to the same Pods");
      const { done } = load.now();
      await until("the host's requests go on", () => load.now().done > done + 20);
    } finally {
      tcp.close();
      udp.close();
      const { failed, failures } = await load.stop();
      assert.equal(failed, 0, failures.join("; "));
    }
  }

  test("kill -9 of the API server: traffic goes on, the host's too, and it comes back with all objects", async () => {
    const before = cluster.ok("get", "svc", "-A", "-o", "name");
    await withoutFailureFromHost(() =>
      withoutFailure("killing the API server", async () => {
        const pid = pidOf("control-plane");
        assert.ok(pid > 1);
        process.kill(pid, "SIGKILL");
        assert.equal(cluster.ok("get", "svc", "-A", "-o", "name"), before);
        await scale(2);
      }),
    );
  });

  test("kill -9 of what put the API server into its namespaces, and of that alone: both come back", async () => {
    const pid = pidOf("control-plane");
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    assert.match(readFileSync(`/proc/${parent}/cmdline`, "utf8"), /^nsenter/);
    await withoutFailure("killing nsenter", async () => {
      process.kill(parent, "SIGKILL");
      await until("the API server is another", () => pidOf("control-plane") !== pid && pidOf("control-plane") > 1);
      await until("it answers", () => cluster.kubectl("get", "nodes").code === 0);
    });
  });

  test("kill -9 of the node agent: containers run on and are adopted", async () => {
    const names = () =>
      cluster.ok(
        "get",
        "pods",
        "-l",
        "app=backend",
        "-o",
        "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{'\\n'}{end}",
      );
    const before = names();
    await withoutFailureFromHost(() =>
      withoutFailure("killing the agent", async () => {
        const pid = pidOf("agent node-1");
        assert.ok(pid > 1);
        process.kill(pid, "SIGKILL");
        await until("the agent is back", () => pidOf("agent node-1") !== pid && pidOf("agent node-1") > 1);
        assert.equal(names(), before);
        await scale(3);
      }),
    );
  });
});
