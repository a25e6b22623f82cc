/** create in all its forms, expose, run, set, auth. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, Session } from "./command.ts";

/** A row that makes one object and reads one field of it. */
const creates = (args: string, resource: string, path: string, wanted: string): Command => ({
  name: `create ${args.split(" ", args.startsWith("secret") || args.startsWith("service ") ? 2 : 1).join(" ")}`,
  async run({ ok }) {
    await ok(`create ${args} -n made`);
    assert.equal(await ok(`get ${resource} -n made -o jsonpath={${path}}`), wanted);
  },
});

const set = (args: string, path: string, wanted: string): Command => ({
  name: `set ${args.split(" ")[0]}`,
  async run({ ok }) {
    await ok(`set ${args} -n made`);
    assert.equal(await ok(`get deploy d -n made -o jsonpath={${path}}`), wanted);
  },
});

async function canI({ run }: Session, args: string): Promise<string> {
  return (await run(`auth can-i ${args}`.split(" "))).out.trim().split(" ")[0] ?? "";
}

export const making: readonly Command[] = [
  {
    name: "create namespace",
    run: async ({ ok }) => assert.equal(await ok("create namespace made"), "namespace/made created\n"),
  },
  creates("configmap c --from-literal=a=b", "cm c", ".data.a", "b"),
  creates("secret generic s --from-literal=a=b", "secret s", ".data.a", "Yg=="),
  creates(
    "secret docker-registry r --docker-username=u --docker-password=p --docker-server=example.com",
    "secret r",
    ".type",
    "kubernetes.io/dockerconfigjson",
  ),
  creates("serviceaccount sa", "sa sa", ".metadata.name", "sa"),
  creates("deployment d --image=busybox --replicas=2", "deploy d", ".spec.replicas", "2"),
  creates("service clusterip s1 --tcp=80:8080", "svc s1", ".spec.ports[0].targetPort", "8080"),
  creates("service nodeport s2 --tcp=80 --node-port=31234", "svc s2", ".spec.ports[0].nodePort", "31234"),
  creates("service loadbalancer s3 --tcp=80", "svc s3", ".spec.type", "LoadBalancer"),
  creates("service externalname s4 --external-name=example.com", "svc s4", ".spec.externalName", "example.com"),
  creates("job j --image=busybox", "job j", ".spec.template.spec.containers[0].image", "busybox"),
  {
    name: "create cronjob",
    async run({ does, ok }) {
      await does(["create", "cronjob", "cj", "--image=busybox", "--schedule=0 0 1 1 *", "-n", "made"]);
      await ok("create job from-cron --from=cronjob/cj -n made");
      assert.match(await ok("get cj -n made"), /^cj +0 0 1 1 \* +<none> +False +\d +<none> /m);
    },
  },
  creates("quota q --hard=pods=30", "quota q", ".spec.hard.pods", "30"),
  creates("poddisruptionbudget p --selector=app=d --min-available=1", "pdb p", ".spec.minAvailable", "1"),
  creates("priorityclass pc --value=7", "pc pc", ".value", "7"),
  creates("role r --verb=get --resource=pods", "role r", ".rules[0].verbs[0]", "get"),
  creates("rolebinding rb --role=r --user=jane", "rolebinding rb", ".subjects[0].name", "jane"),
  creates("clusterrole cr --verb=get --resource=nodes", "clusterrole cr", ".rules[0].resources[0]", "nodes"),
  creates("clusterrolebinding crb --clusterrole=cr --group=ops", "clusterrolebinding crb", ".roleRef.name", "cr"),
  creates("ingress i --rule=a.example.com/=s1:80", "ing i", ".spec.rules[0].host", "a.example.com"),
  {
    name: "create token",
    async run({ ok }) {
      const [, claims = ""] = (await ok("create token sa -n made --duration=1h --audience=me")).split(".");
      const { aud, exp, iat } = JSON.parse(Buffer.from(claims, "base64url").toString());
      assert.deepEqual([aud, exp - iat], [["me"], 3600]);
    },
  },
  {
    name: "create --dry-run=client, server",
    async run({ ok }) {
      assert.match(await ok("create cm x --dry-run=client -o yaml"), /kind: ConfigMap/);
      assert.match(await ok("create cm x --dry-run=server -o yaml"), /uid: /);
      assert.equal(await ok("get cm x --ignore-not-found"), "");
    },
  },
  {
    name: "expose",
    async run({ ok }) {
      await ok("expose deployment d --port=80 --target-port=8080 -n made");
      await ok("expose service d --name=d2 --port=81 -n made");
      assert.equal(await ok("get svc d d2 -n made -o jsonpath={.items[*].spec.selector.app}"), "d d");
    },
  },
  {
    name: "run",
    async run({ ok }) {
      await ok("run p --image=busybox --env=A=B --labels=x=y -n made --command -- sleep 1");
      assert.equal(
        await ok("get pod p -n made -o jsonpath={.spec.containers[0].env[0].value}{.metadata.labels.x}"),
        "By",
      );
    },
  },
  set("image deploy/d busybox=busybox:2", ".spec.template.spec.containers[0].image", "busybox:2"),
  set("env deploy/d A=B", ".spec.template.spec.containers[0].env[0].value", "B"),
  set("resources deploy/d --limits=cpu=1", ".spec.template.spec.containers[0].resources.limits.cpu", "1"),
  set("serviceaccount deploy/d sa", ".spec.template.spec.serviceAccountName", "sa"),
  {
    name: "set selector, subject",
    async run({ ok }) {
      await ok("set selector svc/s1 app=d -n made");
      assert.equal(await ok("get svc s1 -n made -o jsonpath={.spec.selector}"), '{"app":"d"}');
      await ok("set subject rolebinding rb --user=joe -n made");
      assert.equal(await ok("get rolebinding rb -n made -o jsonpath={.subjects[*].name}"), "jane joe");
    },
  },
  {
    name: "auth can-i",
    async run(session) {
      const asked = [
        "get pods -n made --as=jane",
        "delete pods -n made --as=jane",
        "get nodes --as=x --as-group=ops",
        "* *",
      ];
      const answers = await Promise.all(asked.map((args) => canI(session, args)));
      assert.deepEqual(answers, ["yes", "no", "yes", "yes"]);
    },
  },
  {
    name: "auth can-i --list",
    run: async ({ ok }) =>
      assert.match(await ok("auth can-i --list -n made --as=jane"), /^pods +\[\] +\[\] +\[get\]$/m),
  },
  // 1.27 asks for versions of the API that Kubernetes has given up since.
  {
    name: "auth whoami",
    since: 28,
    run: async ({ ok }) => assert.match(await ok("auth whoami"), /^Username +kubernetes-admin$/m),
  },
  {
    name: "auth reconcile",
    async run({ ok, dir }) {
      const rules = [{ verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] }];
      const role = {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "r", namespace: "made" },
        rules,
      };
      writeFileSync(join(dir, "role.json"), JSON.stringify(role));
      assert.match(await ok("auth reconcile -f role.json"), /role\.rbac\.authorization\.k8s\.io\/r reconciled/);
      assert.match(await ok("get role r -n made -o jsonpath={.rules[*].verbs}"), /list/);
    },
  },
];
