import assert from "node:assert/strict";
import test from "node:test";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { formatHosts, podNames } from "./hosts-file.ts";
import { formatResolvConf, podResolver } from "./resolv-conf.ts";

const pod = (spec: Partial<PodSpec> = {}, name = "web-0"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns" },
  spec: { containers: [], ...spec },
});
const node =
  "domain old\nsearch corp.example # office\nnameserver 192.0.2.1\n; nameserver 192.0.2.9\noptions timeout:1\n";
const cluster =
  "search ns.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n";
const own = "search corp.example\nnameserver 192.0.2.1\noptions timeout:1\n";

const cases: readonly { name: string; spec: Partial<PodSpec>; want: string }[] = [
  { name: "ClusterFirst by default", spec: {}, want: cluster },
  { name: "Default is the node's", spec: { dnsPolicy: "Default" }, want: own },
  { name: "hostNetwork with ClusterFirst is the node's", spec: { hostNetwork: true }, want: own },
  { name: "ClusterFirstWithHostNet", spec: { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }, want: cluster },
  {
    name: "None with dnsConfig",
    spec: {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["192.0.2.7"],
        searches: ["a.b"],
        options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
      },
    },
    want: "search a.b\nnameserver 192.0.2.7\noptions ndots:2 rotate\n",
  },
  {
    name: "dnsConfig is added, its options win",
    spec: {
      dnsConfig: {
        nameservers: ["10.96.0.10", "192.0.2.7"],
        searches: ["x.y"],
        options: [{ name: "ndots", value: "1" }],
      },
    },
    want: "search ns.svc.cluster.local svc.cluster.local cluster.local corp.example x.y\nnameserver 10.96.0.10\nnameserver 192.0.2.7\noptions ndots:1\n",
  },
];
for (const { name, spec, want } of cases) {
  test(`podResolver(): ${name}`, () => {
    const inputs = { clusterDns: ["10.96.0.10"], clusterDomain: "cluster.local", nodeResolvConf: node };
    assert.equal(formatResolvConf(podResolver(pod(spec), inputs)), want);
  });
}

test("podNames() follows hostname, subdomain and the limit of 63 bytes", () => {
  const facts = { clusterDomain: "cluster.local", nodeName: "n1" };
  assert.deepEqual(podNames(pod(), facts), { hostname: "web-0", utsName: "web-0" });
  assert.deepEqual(podNames(pod({ hostname: "h", subdomain: "web" }), facts), {
    hostname: "h",
    fullName: "h.web.ns.svc.cluster.local",
    utsName: "h",
  });
  assert.equal(
    podNames(pod({ subdomain: "web", setHostnameAsFQDN: true }), facts).utsName,
    "web-0.web.ns.svc.cluster.local",
  );
  assert.equal(podNames(pod({ hostNetwork: true }), facts).utsName, "n1");
  assert.equal(podNames(pod({}, `${"a".repeat(62)}-b`), facts).hostname, "a".repeat(62));
});

test("formatHosts() names the Pod, and adds aliases", () => {
  const aliased = pod({ subdomain: "web", hostAliases: [{ ip: "1.2.3.4", hostnames: ["x", "y"] }] });
  const names = podNames(aliased, { clusterDomain: "cluster.local", nodeName: "n1" });
  const text = formatHosts(aliased, { names, podIps: ["10.244.0.2"], nodeHosts: "" });
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(text, /\n10\.244\.0\.2\tweb-0\.web\.ns\.svc\.cluster\.local\tweb-0\n/);
  assert.match(text, /\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\tx\ty\n$/);
  const host = formatHosts(pod({ hostNetwork: true }), { names, podIps: [], nodeHosts: "127.0.0.1 node\n" });
  assert.equal(host, "# Kubernetes-managed hosts file (host network).\n127.0.0.1 node\n");
});
