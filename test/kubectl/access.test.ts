import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { skip, startKubectl } from "./run-kubectl.ts";

describe("kubectl and access", { skip }, async () => {
  if (skip) return;
  const kubectl = await startKubectl();
  const { ok, run } = kubectl;
  after(() => kubectl.close());
  /** The last line of what a command that must fail says. */
  const fails = async (args: string): Promise<string> => {
    const { code, err, out } = await run(args.split(" "));
    assert.notEqual(code, 0, `${args}: ${out}`);
    return err.trim().split("\n").at(-1) ?? "";
  };

  test("create role, rolebinding, clusterrole, clusterrolebinding, serviceaccount", async () => {
    await ok("create serviceaccount web");
    await ok("create role reader --verb=get,list,watch --resource=pods,pods/log");
    await ok("create rolebinding readers --role=reader --user=jane --serviceaccount=default:web");
    await ok("create clusterrole scaler --verb=update --resource=deployments.apps/scale");
    await ok("create clusterrole prober --verb=get --non-resource-url=/metrics");
    await ok("create clusterrole more-view --aggregation-rule=rbac.authorization.k8s.io/aggregate-to-view=true");
    await ok("create clusterrolebinding scalers --clusterrole=scaler --group=ops");
    assert.match(await ok("get rolebinding readers -o wide"), /readers\s+Role\/reader\s+\d+s\s+jane\s+default\/web/);
    assert.match(await ok("describe role reader"), /pods\/log\s+\[\]\s+\[\]\s+\[get list watch\]/);
  });

  test("auth can-i", async () => {
    const cases = [
      ["auth can-i list pods --as jane", "yes"],
      ["auth can-i list pods/log --as jane", "yes"],
      ["auth can-i delete pods --as jane", "no"],
      ["auth can-i list pods -n kube-system --as jane", "no"],
      ["auth can-i list pods -A --as jane", "no"],
      ["auth can-i get pods --subresource=log --as system:serviceaccount:default:web", "yes"],
      ["auth can-i update deployments.apps --subresource=scale --as x --as-group ops", "yes"],
      ["auth can-i get /version --as jane", "yes"],
      ["auth can-i get /metrics --as jane", "no"],
      ["auth can-i * *", "yes"],
    ] as const;
    for (const [args, want] of cases) {
      const { out, code } = await run(args.split(" "));
      assert.deepEqual([out.trim().split(" ")[0], code], [want, want === "yes" ? 0 : 1], args);
    }
  });

  test("auth can-i --list", async () => {
    const list = await ok("auth can-i --list --as jane");
    assert.match(list, /^pods\s+\[\]\s+\[\]\s+\[get list watch\]$/m);
    assert.match(list, /^selfsubjectreviews\.authentication\.k8s\.io\s+\[\]\s+\[\]\s+\[create\]$/m);
    assert.match(list, /^\s+\[\/healthz\]\s+\[\]\s+\[get\]$/m);
  });

  test("auth whoami", async (t) => {
    const { err } = await run(["auth", "whoami"]);
    // 1.27 knows only versions that Kubernetes has given up since.
    if (err.includes("the selfsubjectreviews API is not enabled")) return t.skip("kubectl is older than 1.28");
    assert.match(
      await ok("auth whoami"),
      /Username\s+kubernetes-admin\nGroups\s+\[system:masters system:authenticated\]/,
    );
    const jane = await ok("auth whoami --as jane --as-group dev -o jsonpath={.status.userInfo}");
    assert.deepEqual(JSON.parse(jane), { groups: ["dev", "system:authenticated"], username: "jane" });
  });

  test("--as is refused what the other may not do", async () => {
    assert.match(await ok("get pods --as jane -o name"), /^$/);
    const message =
      'pods "x" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "default"';
    assert.equal(await fails("delete pod x --as jane"), `Error from server (Forbidden): ${message}`);
  });

  test("create token, and working with it", async () => {
    const token = (await ok("create token web --duration=15m")).trim();
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    assert.equal(claims.exp - claims.iat, 900);
    assert.equal(claims.sub, "system:serviceaccount:default:web");
    const { server } = kubectl;
    const bearer = { as: null, headers: { authorization: `Bearer ${token}` } } as const;
    assert.equal((await server.ask("GET", "/api/v1/namespaces/default/pods", bearer)).code, 200);
    const vault = (await ok("create token web --audience=vault")).trim();
    const refused = await server.ask("GET", "/version", { as: null, headers: { authorization: `Bearer ${vault}` } });
    assert.equal(refused.code, 401);
    assert.match(await fails("create token nobody"), /serviceaccounts "nobody" not found/);
    assert.match(await fails("create token web --duration=1m"), /may not specify a duration less than 10 minutes/);
  });

  test("the default roles are there; auth reconcile adds what is missing", async () => {
    const names = (await ok("get clusterroles -o name")).split("\n");
    for (const name of ["admin", "cluster-admin", "edit", "view", "system:node", "system:discovery"]) {
      assert.ok(names.includes(`clusterrole.rbac.authorization.k8s.io/${name}`), name);
    }
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "reader", namespace: "default" },
    };
    const rules = [{ apiGroups: [""], resources: ["services"], verbs: ["get"] }];
    await ok("auth reconcile -f -", { input: JSON.stringify({ ...role, rules }) });
    assert.match(await ok("describe role reader"), /services\s+\[\]\s+\[\]\s+\[get\]/);
    assert.match(await ok("describe role reader"), /pods\s+\[\]\s+\[\]\s+\[get list watch\]/);
    await ok("set subject rolebinding readers --user=nina");
    assert.equal((await ok("auth can-i get services --as nina")).trim(), "yes");
  });
});
