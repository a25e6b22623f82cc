/** What every data plane must do in a whole cluster of two nodes: the demo's five Services, affinity, and restarts of all Pods under load. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startCluster, type TestCluster, until } from "./harness.ts";
import { type Load, loadFrom, loadFromPod } from "./load.ts";

const nodes = { "node-1": "172.18.0.2", "node-2": "172.18.0.3" } as const;

/** Pods that answer under one address for each client. */
const sticky = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "sticky" },
  spec: { selector: { app: "backend" }, ports: [{ port: 8080 }], sessionAffinity: "ClientIP" },
};

export interface ModeOptions {
  readonly skip?: string | false;
  /** How many times longer than on a machine of its own everything may take. */
  readonly patience?: number;
}

export function modeSuite(mode: string, { skip = false, patience = 1 }: ModeOptions = {}): void {
  describe(`two nodes, proxy mode ${mode}`, { skip }, () => {
    let cluster: TestCluster;
    const soon = <T>(what: string, condition: () => T | undefined | false): Promise<T> =>
      until(what, condition, 20_000 * patience);
    const curl = (url: string): readonly string[] => ["--", "curl", "-sS", "--max-time", String(5 * patience), url];
    const rollout = (deployment: string) =>
      cluster.ok("rollout", "status", "deployment", deployment, `--timeout=${60 * patience}s`);
    before(async () => {
      cluster = startCluster({ patience, args: ["--demo", "--nodes", "2", "--proxy-mode", mode] });
      // Pods that end serve on until the proxies know of it; their half a second is short for a machine that is busy with other things.
      cluster.ok("set", "env", "deployment", "backend", "web", `DRAIN_MS=${2000 * patience}`);
      // One after the other: a Pod that is ended while its program begins never hears of it (process 1 of a container gets no signal before it asks for it), and stays for its whole grace.
      rollout("backend");
      rollout("web");
      cluster.ok("scale", "deployment", "backend", "--replicas=4");
      cluster.ok("scale", "deployment", "web", "--replicas=2");
      assert.equal(cluster.apply(JSON.stringify(sticky)).code, 0);
      rollout("backend");
      rollout("web");
    });
    after(() => cluster?.stop());

    test("the DaemonSet kube-proxy runs the mode on each node, and says so", async () => {
      const pods = ["get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-proxy"];
      await soon("both are ready", () => {
        const ready = cluster.ok(...pods, "-o", "jsonpath={.items[*].status.containerStatuses[0].ready}");
        return ready === "true true";
      });
      assert.match(
        cluster.ok("describe", "daemonset", "-n", "kube-system", "kube-proxy"),
        /Desired Number of Nodes Scheduled: 2/,
      );
      assert.match(cluster.ok("logs", "-n", "kube-system", "-l", "k8s-app=kube-proxy"), /rules are in place/);
      for (const node of Object.keys(nodes))
        assert.equal(cluster.shell("--node", node, ...curl("http://127.0.0.1:10249/proxyMode")).stdout, mode);
    });

    test("Pods stand on both nodes and answer through the Service from either", async () => {
      const placed = cluster.ok("get", "pods", "-l", "app=backend", "-o", "jsonpath={.items[*].spec.nodeName}");
      assert.deepEqual([...new Set(placed.split(" "))].sort(), Object.keys(nodes));
      for (const node of Object.keys(nodes)) {
        const answers = new Set<string>();
        await soon(`four Pods answer on ${node}`, () => {
          const { stdout, stderr } = cluster.shell("--node", node, ...curl("http://backend:8080"));
          assert.match(stdout, /^backend-/, stderr);
          answers.add(stdout.trim());
          return answers.size === 4;
        });
      }
    });

    test("a Pod of the other node is reached through the node port of each node, from outside", async () => {
      for (const address of Object.values(nodes))
        await soon(`node port of ${address}`, () =>
          /^web-/.test(cluster.shell("--outside", ...curl(`http://${address}:31080`)).stdout),
        );
    });

    test("the load balancer's address answers from outside", () => {
      const address = cluster.ok("get", "svc", "web-lb", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
      assert.match(cluster.shell("--outside", ...curl(`http://${address}`)).stdout, /^web-/);
    });

    test("P97 P100 a client stays with its Pod, and gets another when that one goes", async () => {
      const ask = () => cluster.shell("--node", "node-1", ...curl("http://sticky:8080")).stdout.trim();
      const first = ask();
      assert.match(first, /^backend-/);
      for (let n = 0; n < 6; n++) assert.equal(ask(), first);
      cluster.ok("delete", "pod", first, "--wait=false");
      const next = await soon("another Pod answers", () => {
        const answer = ask();
        return answer !== "" && answer !== first && answer;
      });
      for (let n = 0; n < 4; n++) assert.equal(ask(), next);
      rollout("backend");
    });

    test("a rolling restart of all Pods under load fails no request: from a Pod, a node, outside and the host", async () => {
      const backend = cluster.ok("get", "svc", "backend", "-o", "jsonpath={.spec.clusterIP}");
      const balancer = cluster.ok("get", "svc", "web-lb", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
      // Of all clusters on this machine only this one has it.
      const hostPort = cluster.ok("get", "svc", "web-lb", "-o", "jsonpath={.spec.ports[0].nodePort}");
      const outside = [...Object.values(nodes).map((address) => `http://${address}:31080`), `http://${balancer}`];
      const loads: Readonly<Record<string, Load>> = {
        "a Pod": loadFromPod(cluster, "load", {
          urls: [`http://${backend}:8080`, "http://web-nodeport"],
          patience,
        }),
        "a node": loadFrom(cluster, ["--node", "node-1"], { urls: [`http://${backend}:8080`], patience }),
        outside: loadFrom(cluster, ["--outside"], { urls: outside, patience }),
        "the host": loadFrom(cluster, "host", { urls: [`http://127.0.0.1:${hostPort}`], patience }),
      };
      for (const [from, load] of Object.entries(loads)) await soon(`load from ${from}`, () => load.now().done > 20);
      for (const deployment of ["backend", "web"]) {
        cluster.ok("rollout", "restart", "deployment", deployment);
        rollout(deployment);
      }
      await sleep(1000 * patience);
      const faults: string[] = [];
      for (const [from, load] of Object.entries(loads)) {
        const { done, failed, slowestMs, hosts, failures } = await load.stop();
        console.log(
          `${mode}, rolling restart, from ${from}: ${done} requests, ${failed} failed, slowest ${slowestMs} ms, ${Object.keys(hosts).length} Pods answered`,
        );
        if (failed > 0) faults.push(`from ${from}: ${failures.join("; ")}`);
      }
      assert.deepEqual(faults, []);
    });

    test("a Service whose Pods go refuses, and answers again when they come back", async () => {
      cluster.ok("scale", "deployment", "web", "--replicas=0");
      const ask = () => cluster.shell(...curl("http://web-nodeport"));
      await soon("it refuses", () => /\(7\)|\(52\)|\(56\)/.test(ask().stderr));
      cluster.ok("scale", "deployment", "web", "--replicas=1");
      await soon("it answers", () => /^web-/.test(ask().stdout));
    });
  });
}
