/** Programs inside of Pods talk to the API server by their service account: token, CA and namespace are where clients look. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { ordinaryUser, skipReason, startCluster, type TestCluster, until } from "./harness.ts";

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A Pod of the machine's own programs that runs `script` once. */
const job = (name: string, script: string, spec = ""): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  restartPolicy: Never
  serviceAccountName: robot
  ${spec}
  containers:
  - name: c
    image: host
    env: [{name: HOME, value: /proc}]
    command: [/bin/sh, -c, ${JSON.stringify(script)}]
`;

const runs = [
  { who: "root", as: process.getuid?.() === 0 ? [] : undefined },
  { who: "an ordinary user", as: ordinaryUser() },
];

for (const { who, as } of runs) {
  const skip = skipReason || (as === undefined ? `cannot be tried as ${who} here` : false);
  describe(`in the cluster of ${who}`, { skip }, () => {
    let cluster: TestCluster;
    before(() => {
      cluster = startCluster({ as: as ?? [] });
      cluster.ok("create", "serviceaccount", "robot");
    });
    after(() => cluster.stop());

    const outputOf = async (name: string): Promise<string> => {
      const phase = () => cluster.ok("get", "pod", name, "-o", "jsonpath={.status.phase}");
      await until(`${name} ends`, () => ["Succeeded", "Failed"].includes(phase()));
      return cluster.ok("logs", name);
    };

    test("a Pod finds its token, the CA and its namespace", async () => {
      cluster.apply(
        job("look", `ls ${folder}; cat ${folder}/namespace; echo; head -n1 ${folder}/ca.crt; touch ${folder}/x`),
      );
      const output = await outputOf("look");
      assert.match(output, /^ca\.crt\nnamespace\ntoken\ndefault\n-----BEGIN CERTIFICATE-----\n/);
      assert.match(output, /Read-only file system/);
    });

    test("kubectl in a Pod is its service account, and may what its roles allow", async () => {
      cluster.ok("create", "role", "reader", "--verb=get,list", "--resource=pods");
      cluster.ok("create", "rolebinding", "robot", "--role=reader", "--serviceaccount=default:robot");
      const script = "kubectl auth whoami; kubectl get pods talk -o name; kubectl get secrets; env | grep SERVICE_HOST";
      cluster.apply(job("talk", `(${script}) 2>&1`));
      const output = await outputOf("talk");
      assert.match(output, /Username\s+system:serviceaccount:default:robot/);
      assert.match(output, /authentication\.kubernetes\.io\/pod-name\s+\[talk\]/);
      assert.match(output, /^pod\/talk$/m);
      assert.match(
        output,
        /secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets"/,
      );
      assert.match(output, /KUBERNETES_SERVICE_HOST=10\.96\.0\.1/);
    });

    test("a Pod that wants no token has none", async () => {
      cluster.apply(job("without", `cat ${folder}/token 2>&1; true`, "automountServiceAccountToken: false"));
      assert.match(await outputOf("without"), /No such file or directory/);
    });

    test("a mount behind a link of the machine (/var/run) leaves nothing on the machine", async () => {
      const name = `fairlead-probe-${process.pid}`;
      const pod = job("linked", `touch /var/run/${name}/x && ls /run/${name}`, "volumes: [{name: v, emptyDir: {}}]");
      cluster.apply(`${pod}    volumeMounts: [{name: v, mountPath: /var/run/${name}}]\n`);
      assert.equal(await outputOf("linked"), "x\n");
      assert.equal(existsSync(`/run/${name}`), false);
    });

    test("the cluster's own parts are not refused anything", () => {
      for (const target of ["ds/kube-proxy", "deploy/coredns"]) {
        assert.doesNotMatch(cluster.ok("logs", "-n", "kube-system", target), /forbidden|Unauthorized/, target);
      }
    });
  });
}
