/** The main job: the demo's Services, seen with kubectl and by packets from inside, outside and the host. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { ordinaryUser, skipReason, startCluster, type TestCluster, until } from "./harness.ts";

const curl = (...args: string[]): readonly string[] => ["--", "curl", "-sS", "--max-time", "5", ...args];

/** Everything that holds for root and for an ordinary user alike. */
function testDemo(name: string, as: readonly string[] | undefined, skip: string | false): void {
  describe(`the demo as ${name}`, { skip }, () => {
    let cluster: TestCluster;
    before(() => {
      cluster = startCluster({ args: ["--demo"], ...(as ? { as } : {}) });
    });
    after(() => cluster?.stop());

    const service = (serviceName: string, path: string): string =>
      cluster.ok("get", "service", serviceName, "-o", `jsonpath={${path}}`);

    test("kubectl get svc lists the five kinds", () => {
      const lines = cluster
        .ok("get", "svc")
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/).slice(0, 5));
      const rows = new Map(lines.map(([first = "", ...rest]) => [first, rest]));
      assert.deepEqual(rows.get("NAME")?.slice(0, 3), ["TYPE", "CLUSTER-IP", "EXTERNAL-IP"]);
      assert.match(rows.get("backend")?.join(" ") ?? "", /^ClusterIP 10\.96\.\d+\.\d+ <none> 8080\/TCP$/);
      assert.match(rows.get("db-headless")?.join(" ") ?? "", /^ClusterIP None <none> 5432\/TCP$/);
      assert.match(rows.get("web-nodeport")?.join(" ") ?? "", /^NodePort 10\.96\.\d+\.\d+ <none> 80:31080\/TCP$/);
      assert.match(
        rows.get("web-lb")?.join(" ") ?? "",
        /^LoadBalancer 10\.96\.\d+\.\d+ 172\.18\.255\.\d+ 80:3\d{4}\/TCP$/,
      );
      assert.match(rows.get("redis-external")?.join(" ") ?? "", /^ExternalName <none> redis\.example\.com <none>/);
    });

    test("kubectl describe svc shows three endpoints and events", () => {
      const text = cluster.ok("describe", "svc", "backend");
      assert.match(text, /Endpoints:\s+10\.244\.0\.\d+:8080,10\.244\.0\.\d+:8080,10\.244\.0\.\d+:8080/);
      assert.match(text, /Events:/);
      assert.match(cluster.ok("describe", "svc", "web-lb"), /IPAllocated/);
    });

    test("kubectl get endpoints, endpointslices and describe endpoints", () => {
      assert.match(cluster.ok("get", "endpoints", "backend"), /backend\s+10\.244\.0\.\d+:8080,/);
      assert.match(cluster.ok("get", "endpointslices"), /backend-\w+\s+IPv4\s+8080\s+10\.244/);
      assert.match(
        cluster.ok("describe", "endpoints", "backend"),
        /Addresses:\s+10\.244\.0\.\d+,10\.244\.0\.\d+,10\.244/,
      );
    });

    test("the system's parts are in kube-system", () => {
      const pods = cluster.ok("-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-proxy");
      assert.match(pods, /kube-proxy-\w+\s+1\/1\s+Running/);
      assert.match(
        cluster.ok("-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns"),
        /coredns-\S+\s+1\/1\s+Running/,
      );
      assert.match(
        cluster.ok("-n", "kube-system", "describe", "daemonset", "kube-proxy"),
        /Desired Number of Nodes Scheduled: 1/,
      );
      const log = cluster.ok("-n", "kube-system", "logs", "-l", "k8s-app=kube-proxy");
      assert.notEqual(log.trim(), "");
    });

    test("a name inside the cluster leads to all Pods of the Service", () => {
      const answers = new Set<string>();
      for (let i = 0; i < 40 && answers.size < 3; i++)
        answers.add(cluster.shell(...curl("http://backend:8080")).stdout.trim());
      assert.equal(answers.size, 3, [...answers].join());
      for (const answer of answers) assert.match(answer, /^backend-/);
    });

    test("bridges keep their addresses, whatever joins them: neighbours know them by heart", () => {
      const link = (place: readonly string[], name: string) =>
        cluster.shell(...place, "--", "ip", "-o", "link", "show", name).stdout;
      assert.match(link([], "cni0"), /link\/ether 02:0a:0a:f4:00:01 /);
      assert.match(link(["--outside"], "fairlead0"), /link\/ether 02:0a:ac:12:00:01 /);
    });

    test("the node port answers on the node, from outside and on 127.0.0.1 of the host", () => {
      assert.match(cluster.shell("--node", "node-1", ...curl("http://127.0.0.1:31080")).stdout, /^web-/);
      assert.match(cluster.shell("--outside", ...curl("http://172.18.0.2:31080")).stdout, /^web-/);
      if (name !== "root") return;
      const { stdout, stderr } = spawnSync("curl", ["-sS", "--max-time", "5", "http://127.0.0.1:31080"], {
        encoding: "utf8",
      });
      assert.match(stdout, /^web-/, stderr);
    });

    test("the load balancer's address answers from outside, its node port on the host", () => {
      const address = service("web-lb", ".status.loadBalancer.ingress[0].ip");
      assert.match(cluster.shell("--outside", ...curl(`http://${address}`)).stdout, /^web-/);
      assert.match(cluster.shell(...curl(`http://${address}`)).stdout, /^web-/);
      const nodePort = service("web-lb", ".spec.ports[0].nodePort");
      const { stdout, stderr } = spawnSync("curl", ["-sS", "--max-time", "5", `http://127.0.0.1:${nodePort}`], {
        encoding: "utf8",
      });
      assert.match(stdout, /^web-/, stderr);
    });

    test("S121 a balanced Service waits for its clean-up, and is gone after it", () => {
      cluster.ok("create", "service", "loadbalancer", "passing", "--tcp=80");
      cluster.ok("wait", "service/passing", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}", "--timeout=20s");
      const finalizers = ".metadata.finalizers[*]";
      assert.equal(service("passing", finalizers), "service.kubernetes.io/load-balancer-cleanup");
      cluster.ok("delete", "service", "passing", "--timeout=20s");
      assert.match(cluster.ok("get", "events"), /DeletedLoadBalancer/);
    });

    test("DNS answers A, SRV, PTR, CNAME, NXDOMAIN and NODATA, over UDP and TCP", () => {
      const dig = (...args: string[]): string =>
        cluster.shell("--", "dig", "+tries=1", "+time=3", "@10.96.0.10", ...args).stdout;
      const clusterIp = service("backend", ".spec.clusterIP");
      assert.equal(dig("+short", "backend.default.svc.cluster.local", "A").trim(), clusterIp);
      assert.equal(dig("+short", "+tcp", "backend.default.svc.cluster.local", "A").trim(), clusterIp);
      assert.equal(dig("+short", "-x", clusterIp).trim(), "backend.default.svc.cluster.local.");
      assert.match(dig("+short", "db-headless.default.svc.cluster.local", "A"), /^10\.244\.0\.\d+$/m);
      assert.match(dig("redis-external.default.svc.cluster.local", "A"), /CNAME\s+redis\.example\.com\./);
      assert.match(
        dig("+short", "_dns._udp.kube-dns.kube-system.svc.cluster.local", "SRV"),
        /^0 \d+ 53 kube-dns\.kube-system/,
      );
      assert.match(dig("nothing.default.svc.cluster.local", "A"), /status: NXDOMAIN[\s\S]*SOA/);
      assert.match(dig("backend.default.svc.cluster.local", "AAAA"), /status: NOERROR[\s\S]*ANSWER: 0[\s\S]*SOA/);
    });

    test("a Service without endpoints refuses at once", () => {
      cluster.ok("create", "service", "clusterip", "empty", "--tcp=80");
      const address = service("empty", ".spec.clusterIP");
      const { stderr } = cluster.shell(...curl(`http://${address}`));
      // curl says 7 (could not connect) at once, not 28 (timed out).
      assert.match(stderr, /\(7\).* after \d{1,3} ms/);
      cluster.ok("delete", "service", "empty");
    });

    test("a Pod reaches itself through its Service, and UDP works", async () => {
      cluster.ok("scale", "deployment", "db", "--replicas=1");
      const yaml = `
apiVersion: v1
kind: Service
metadata: {name: db-udp}
spec: {selector: {app: db}, ports: [{name: u, port: 5432, protocol: UDP}, {name: t, port: 5432, protocol: TCP}]}
---
apiVersion: v1
kind: Pod
metadata: {name: hairpin, labels: {app: hairpin}}
spec:
  containers: [{name: main, image: host, command: [sh, -c, "while :; do curl -sS --max-time 2 http://hairpin:8080 && break; sleep 0.2; done; sleep 1000"]}, {name: echo, image: fairlead/echo}]
---
apiVersion: v1
kind: Service
metadata: {name: hairpin}
spec: {selector: {app: hairpin}, ports: [{port: 8080}]}
`;
      const applied = cluster.apply(yaml);
      assert.equal(applied.code, 0, applied.stderr);
      assert.equal(
        await until("the Pod answers itself", () =>
          /^hairpin$/m.test(cluster.kubectl("logs", "hairpin", "-c", "main").stdout),
        ),
        true,
      );
      const address = service("db-udp", ".spec.clusterIP");
      const udp = `echo hello | timeout 3 bash -c 'exec 3<>/dev/udp/${address}/5432; cat >&3; head -c 3 <&3'`;
      assert.match(cluster.shell("--", "bash", "-c", udp).stdout, /^db-/);
      cluster.ok("delete", "service/db-udp", "service/hairpin", "pod/hairpin", "--grace-period=1");
    });

    test("status tells what runs", () => {
      const { code, stdout } = cluster.fairlead("status", "-o", "json");
      const status = JSON.parse(stdout) as { ready: boolean; tier: string; nodes: { ready: boolean }[] };
      assert.equal(code, 0);
      assert.equal(status.ready, true);
      assert.equal(status.tier, name === "root" ? "root" : "user namespace");
      assert.deepEqual(
        status.nodes.map(({ ready }) => ready),
        [true],
      );
    });

    test("down removes context and data", () => {
      const { code, stderr } = cluster.fairlead("down");
      assert.equal(code, 0, stderr);
      assert.equal(cluster.fairlead("status").code, 1);
      assert.doesNotMatch(cluster.kubectl("config", "get-contexts", "-o", "name").stdout, /fairlead/);
    });
  });
}

const isRoot = process.getuid?.() === 0;
testDemo("root", [], skipReason || (!isRoot && "not root"));
const user = ordinaryUser();
testDemo("an ordinary user", user, skipReason || (!user && "the checkout cannot be read by an ordinary user"));
