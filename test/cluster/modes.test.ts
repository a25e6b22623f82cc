/** The same Services over two nodes, forwarded by each data plane that this machine can run. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { skipReason, startCluster, type TestCluster, until } from "./harness.ts";

const isRoot = process.getuid?.() === 0;
const modes: readonly { readonly mode: string; readonly skip: string | false }[] = [
  { mode: "nftables", skip: false },
  { mode: "iptables", skip: false },
  { mode: "ebpf", skip: !isRoot && "bpf(2) needs root of the machine" },
  { mode: "userspace", skip: false },
];

const curl = (url: string): readonly string[] => ["--", "curl", "-sS", "--max-time", "5", url];

for (const { mode, skip } of modes) {
  describe(`two nodes, proxy mode ${mode}`, { skip: skipReason || skip }, () => {
    let cluster: TestCluster;
    before(async () => {
      cluster = startCluster({ args: ["--demo", "--nodes", "2", "--proxy-mode", mode] });
      cluster.ok("scale", "deployment", "backend", "--replicas=4");
      cluster.ok("rollout", "status", "deployment", "backend", "--timeout=30s");
    });
    after(() => cluster?.stop());

    test("Pods stand on both nodes and answer through the Service from either", async () => {
      const nodes = cluster.ok("get", "pods", "-l", "app=backend", "-o", "jsonpath={.items[*].spec.nodeName}");
      assert.deepEqual([...new Set(nodes.split(" "))].sort(), ["node-1", "node-2"]);
      for (const node of ["node-1", "node-2"]) {
        const answers = new Set<string>();
        await until(`four Pods answer on ${node}`, () => {
          const { stdout, stderr } = cluster.shell("--node", node, ...curl("http://backend:8080"));
          assert.match(stdout, /^backend-/, stderr);
          answers.add(stdout.trim());
          return answers.size === 4;
        });
      }
    });

    test("a Pod of the other node is reached through the node port of each node, from outside", async () => {
      for (const address of ["172.18.0.2", "172.18.0.3"]) {
        await until(
          `node port of ${address}`,
          () => /^web-/.test(cluster.shell("--outside", ...curl(`http://${address}:31080`)).stdout),
          5000,
        );
      }
    });

    test("the load balancer's address answers from outside", () => {
      const address = cluster.ok("get", "svc", "web-lb", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
      assert.match(cluster.shell("--outside", ...curl(`http://${address}`)).stdout, /^web-/);
    });

    test("a Service whose Pods go refuses, and answers again when they come back", async () => {
      cluster.ok("scale", "deployment", "web", "--replicas=0");
      const ask = () => cluster.shell(...curl("http://web-nodeport"));
      await until("it refuses", () => /\(7\)|\(52\)|\(56\)/.test(ask().stderr));
      cluster.ok("scale", "deployment", "web", "--replicas=1");
      await until("it answers", () => /^web-/.test(ask().stdout));
    });
  });
}
