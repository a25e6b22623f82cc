import assert from "node:assert/strict";
import { test } from "node:test";
import { openInMemory } from "../../store/open-store.ts";
import { startTestServer } from "../testing.ts";

const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const merge = "application/merge-patch+json";

test("a start brings back what the default roles have lost, and leaves alone what is an administrator's", async () => {
  const store = openInMemory();
  const first = await startTestServer({ store });
  const patch = (path: string, body: unknown) => first.ask("PATCH", path, { type: merge, body });
  const extra = { verbs: ["get"], apiGroups: ["example.com"], resources: ["widgets"] };
  const whole = (await first.ask("GET", `${roles}/system:coredns`)).body.rules;
  await patch(`${roles}/system:coredns`, { rules: [extra, whole[0]] });
  await patch(`${bindings}/system:discovery`, { subjects: [] });
  await first.ask("DELETE", `${bindings}/system:basic-user`);
  const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
  await patch(`${roles}/system:basic-user`, { metadata: { annotations }, rules: [] });
  await first.close();
  const { revision } = store;
  const second = await startTestServer({ store });
  const read = async (path: string) => (await second.ask("GET", path)).body;
  const { rules } = await read(`${roles}/system:coredns`);
  assert.deepEqual(rules.slice(0, 2), [extra, whole[0]]);
  assert.deepEqual(
    rules.slice(2).flatMap(({ resources }: { resources: string[] }) => resources),
    ["endpointslices"],
  );
  assert.equal((await read(`${bindings}/system:discovery`)).subjects[0].name, "system:authenticated");
  assert.equal((await read(`${bindings}/system:basic-user`)).roleRef.name, "system:basic-user");
  assert.deepEqual((await read(`${roles}/system:basic-user`)).rules ?? [], []);
  // Nothing else was written: a role, a binding, and one that was gone.
  assert.equal(store.revision - revision, 3);
  await second.close();
});

test("view, edit and admin hold each other's rules, and view no secrets", async () => {
  const server = await startTestServer();
  const resourcesOf = async (role: string): Promise<Set<string>> => {
    const { body } = await server.ask("GET", `${roles}/${role}`);
    const reading = body.rules.filter(({ verbs }: { verbs: string[] }) => verbs.includes("get"));
    return new Set(reading.flatMap(({ resources }: { resources: string[] }) => resources));
  };
  const [view, edit, admin] = await Promise.all(["view", "edit", "admin"].map(resourcesOf));
  for (const resource of view ?? []) assert.ok(edit?.has(resource), resource);
  for (const resource of edit ?? []) assert.ok(admin?.has(resource), resource);
  assert.deepEqual([view?.has("pods"), view?.has("secrets"), edit?.has("secrets")], [true, false, true]);
  assert.deepEqual([edit?.has("rolebindings"), admin?.has("rolebindings")], [false, true]);
  await server.close();
});

test("the first start makes the system's namespaces, the roles of single controllers, and bindings for them", async () => {
  const server = await startTestServer({ namespaces: [] });
  const names = async (path: string): Promise<string[]> =>
    (await server.ask("GET", path)).body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  assert.deepEqual(await names("/api/v1/namespaces"), ["default", "kube-node-lease", "kube-public", "kube-system"]);
  const controllers = (all: string[]): string[] => all.filter((name) => name.startsWith("system:controller:"));
  const [roleNames, bindingNames] = [await names(roles), await names(bindings)].map(controllers);
  assert.equal(roleNames?.length, 38);
  assert.deepEqual(bindingNames, roleNames);
  const reviewed = async (account: string, resource: string): Promise<boolean> => {
    const spec = {
      user: `system:serviceaccount:kube-system:${account}`,
      resourceAttributes: { verb: "delete", resource, namespace: "default" },
    };
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
    return (await server.ask("POST", path, { body })).body.status.allowed;
  };
  assert.equal(await reviewed("endpoint-controller", "endpoints"), true);
  assert.equal(await reviewed("endpoint-controller", "services"), false);
  const inSystem = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings";
  assert.ok((await names(inSystem)).includes("system::leader-locking-kube-scheduler"));
  await server.close();
});
