/** `fairlead up --dual-stack`: Pods, Services, names, node ports and load balancers of both families, beside one cluster of IPv4 alone. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { ordinaryUser, skipReason, startCluster, type TestCluster, until } from "./harness.ts";

const user = ordinaryUser();
const curlWords = (url: string, ...more: string[]): string[] => ["curl", "-sSg", "--max-time", "5", ...more, url];
const hasDig = spawnSync("dig", ["-v"]).status === 0;

const service = (name: string, spec: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }], ${spec} }
`;

const web = (replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: fairlead/echo, readinessProbe: { httpGet: { port: 8080 } } }]
---
apiVersion: v1
kind: Pod
metadata: { name: client, labels: { app: client } }
spec: { terminationGracePeriodSeconds: 0, containers: [{ name: c, image: busybox, command: [sleep, "3600"] }] }
`;

const setups: readonly { name: string; nodes: number; as: readonly string[] | undefined }[] = [
  { name: "two nodes", nodes: 2, as: [] },
  { name: "one node, as an ordinary user", nodes: 1, as: user },
];

for (const { name, nodes, as } of setups) {
  describe(`dual-stack, ${name}`, { skip: skipReason || (as === undefined && "no ordinary user to run as") }, () => {
    let cluster: TestCluster;
    const field = (object: string, path: string): string =>
      cluster.ok("get", ...object.split(" "), "-o", `jsonpath={${path}}`);
    const list = (object: string, path: string): string[] => JSON.parse(field(object, path)) as string[];
    const nodeNames = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`);

    const answers = (where: string, ask: () => { stdout: string; stderr: string }): Promise<string> =>
      until(`an answer ${where}`, () => /^web-\S+/.exec(ask().stdout)?.[0]);
    const fromNode = (node: string, url: string) =>
      answers(`${url} on ${node}`, () => cluster.shell("--node", node, "--", ...curlWords(url)));
    const fromOutside = (url: string) =>
      answers(`${url} outside`, () => cluster.shell("--outside", "--", ...curlWords(url)));
    const fromPod = (url: string) =>
      answers(`${url} in a Pod`, () => cluster.kubectl("exec", "client", "--", "wget", "-qO-", url));

    before(() => {
      cluster = startCluster({ as: as ?? [], args: ["--dual-stack", "--nodes", String(nodes)] });
      const { code, stderr } = cluster.apply(web(nodes));
      assert.equal(code, 0, stderr);
      cluster.ok("rollout", "status", "deployment", "web", "--timeout=60s");
      cluster.ok("wait", "pod/client", "--for=condition=Ready", "--timeout=60s");
      cluster.apply(service("dual", "type: LoadBalancer, ipFamilyPolicy: PreferDualStack"));
      cluster.apply(service("six", "ipFamilies: [IPv6], type: NodePort"));
    });
    after(() => cluster?.stop());

    test("nodes have addresses and Pod ranges of both families", () => {
      for (const [index, node] of nodeNames.entries()) {
        const six = index === 0 ? "fd00:10:244::/64" : `fd00:10:244:${index}::/64`;
        assert.deepEqual(list(`node ${node}`, ".spec.podCIDRs"), [`10.244.${index}.0/24`, six]);
        const internal = field(`node ${node}`, '.status.addresses[?(@.type=="InternalIP")].address');
        assert.equal(internal, `172.18.0.${index + 2} fd00:172:18::${index + 2}`);
      }
    });

    test("Pods have both in status, environment, hosts and resolv.conf", () => {
      const ips = field("pod client", ".status.podIPs[*].ip").split(" ");
      assert.equal(ips.length, 2);
      assert.match(ips.join(), /^10\.244\..*,fd00:10:244:/);
      assert.match(field("pod client", ".status.hostIPs[*].ip"), /^172\.18\.0\.\d+ fd00:172:18::\d+$/);
      const hosts = cluster.ok("exec", "client", "--", "cat", "/etc/hosts");
      for (const ip of ips) assert.ok(hosts.includes(`${ip}\tclient\n`), hosts);
      const resolvers = cluster.ok("exec", "client", "--", "cat", "/etc/resolv.conf");
      assert.match(resolvers, /nameserver 10\.96\.0\.10\nnameserver fd00:10:96::a\n/);
      const spec = `{"spec":{"containers":[{"name":"c","image":"busybox","command":["sh","-c","echo $IPS"],"env":[{"name":"IPS","valueFrom":{"fieldRef":{"fieldPath":"status.podIPs"}}}]}]}}`;
      cluster.ok("run", "env", "--image=busybox", "--restart=Never", `--overrides=${spec}`);
      cluster.ok("wait", "pod/env", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s");
      assert.equal(cluster.ok("logs", "env").trim(), field("pod env", ".status.podIPs[*].ip").replace(" ", ","));
    });

    test("the Service has an address, a slice and endpoints of each family", async () => {
      assert.deepEqual(list("svc dual", ".spec.ipFamilies"), ["IPv4", "IPv6"]);
      const [four = "", six = ""] = list("svc dual", ".spec.clusterIPs");
      assert.match(`${four} ${six}`, /^10\.96\.\d+\.\d+ fd00:10:96::/);
      await until("two slices", () => {
        const types = field("endpointslices -l kubernetes.io/service-name=dual", ".items[*].addressType");
        return types.split(" ").sort().join() === "IPv4,IPv6";
      });
      assert.equal(field("svc kubernetes", ".spec.ipFamilyPolicy"), "SingleStack");
      assert.match(cluster.ok("describe", "svc", "dual"), /IPs: +10\.96\..*,fd00:10:96::/);
      assert.match(cluster.ok("get", "ipaddresses"), new RegExp(`${six} +services/default/dual`));
    });

    test("it answers over both, from Pods and from every node, and by name", async () => {
      const [four = "", six = ""] = list("svc dual", ".spec.clusterIPs");
      for (const url of [`http://${four}`, `http://[${six}]`]) {
        await fromPod(url);
        for (const node of nodeNames) await fromNode(node, url);
      }
      await fromPod("http://dual");
      const byName = curlWords("http://dual", "-6");
      await answers("by name over IPv6", () => cluster.shell("--", ...byName));
    });

    test("every Pod is reached over IPv6, on the other node too", async () => {
      const seen = new Set<string>();
      const [, six = ""] = list("svc dual", ".spec.clusterIPs");
      await until(`${nodes} Pods`, () => {
        seen.add(cluster.shell("--", ...curlWords(`http://[${six}]`)).stdout.trim());
        return seen.size === nodes;
      });
    });

    test("node ports and the load balancer answer outside, and on both loopbacks of the host", async () => {
      const port = field("svc dual", ".spec.ports[0].nodePort");
      await until("addresses", () => field("svc dual", ".status.loadBalancer.ingress[*].ip").split(" ").length === 2);
      const [four = "", six = ""] = field("svc dual", ".status.loadBalancer.ingress[*].ip").split(" ");
      await fromOutside(`http://${four}`);
      await fromOutside(`http://[${six}]`);
      for (const [index] of nodeNames.entries()) {
        await fromOutside(`http://172.18.0.${index + 2}:${port}`);
        await fromOutside(`http://[fd00:172:18::${index + 2}]:${port}`);
      }
      const six6 = field("svc six", ".spec.ports[0].nodePort");
      for (const host of ["127.0.0.1", "[::1]"]) {
        for (const one of [port, six6]) {
          const [curl = "", ...words] = curlWords(`http://${host}:${one}`);
          const run = () => spawnSync(curl, words, { encoding: "utf8" });
          await answers(`on ${host}:${one} of the host`, run);
        }
      }
    });

    test("names: A, AAAA and both reverse zones, asked over either family", { skip: !hasDig && "no dig" }, async () => {
      const [four = "", six = ""] = list("svc dual", ".spec.clusterIPs");
      const name = "dual.default.svc.cluster.local";
      const dig = (...words: string[]) => cluster.shell("--", "dig", "+short", "+timeout=3", ...words).stdout.trim();
      for (const server of ["10.96.0.10", "fd00:10:96::a"]) {
        assert.equal(dig(`@${server}`, "A", name), four);
        assert.equal(dig(`@${server}`, "AAAA", name), six);
        assert.equal(dig(`@${server}`, "+tcp", "AAAA", name), six);
        assert.equal(dig(`@${server}`, "-x", four), `${name}.`);
        assert.equal(dig(`@${server}`, "-x", six), `${name}.`);
      }
      assert.equal(dig("A", "six.default.svc.cluster.local"), "");
    });

    test("a Service goes from one family to two and back: the first address stays", async () => {
      cluster.apply(service("turn", "type: ClusterIP"));
      const [first = "", none] = list("svc turn", ".spec.clusterIPs");
      assert.equal(none, undefined);
      cluster.ok("patch", "svc", "turn", "-p", '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}');
      const both = list("svc turn", ".spec.clusterIPs");
      assert.deepEqual([both.length, both[0]], [2, first]);
      await fromPod(`http://[${both[1]}]`);
      cluster.ok("patch", "svc", "turn", "-p", '{"spec":{"ipFamilyPolicy":"SingleStack"}}');
      assert.deepEqual(list("svc turn", ".spec.clusterIPs"), [first]);
      assert.deepEqual(list("svc turn", ".spec.ipFamilies"), ["IPv4"]);
      await fromPod(`http://${first}`);
      await until(
        "one slice",
        () => field("endpointslices -l kubernetes.io/service-name=turn", ".items[*].addressType") === "IPv4",
      );
      await until("the address is free", () => !cluster.ok("get", "ipaddresses").includes(`${both[1]} `));
      const gone = () => cluster.shell("--", "curl", "-sg", "--max-time", "1", `http://[${both[1]}]`).code !== 0;
      await until("nobody answers there", gone);
    });
  });
}

describe("single-stack", { skip: skipReason }, () => {
  let cluster: TestCluster;
  before(() => {
    cluster = startCluster();
  });
  after(() => cluster?.stop());

  test("Services of the family that the cluster has not are refused as the API does", () => {
    const refused = (spec: string): string => cluster.apply(service("other", spec)).stderr;
    assert.match(
      refused("ipFamilies: [IPv6]"),
      /The Service "other" is invalid: spec\.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/,
    );
    assert.match(
      refused("ipFamilyPolicy: RequireDualStack"),
      /spec\.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services/,
    );
    assert.equal(refused("ipFamilyPolicy: PreferDualStack"), "");
    assert.equal(cluster.ok("get", "svc", "other", "-o", "jsonpath={.spec.ipFamilies}"), '["IPv4"]');
  });
});
