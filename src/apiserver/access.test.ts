import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AskOptions, startTestServer } from "./testing.ts";

const server = await startTestServer({ namespaces: ["default", "other"], config: { disabledAdmission: [] } });
const { ask } = server;
after(() => server.close());

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const apiVersion = "rbac.authorization.k8s.io/v1";
const rule = (verbs: string, resources: string, more: object = {}) => ({
  verbs: verbs.split(" "),
  apiGroups: [""],
  resources: resources.split(" "),
  ...more,
});
const roleOf = (name: string, rules: object[], kind = "Role") => ({ apiVersion, kind, metadata: { name }, rules });
const user = (name: string) => ({ kind: "User", apiGroup: "rbac.authorization.k8s.io", name });
const bindingOf = (name: string, role: string, subjects: object[], kind = "Role") => ({
  apiVersion,
  kind: "RoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: role },
  subjects,
});

async function made(path: string, body: object, options: AskOptions = {}): Promise<void> {
  const answer = await ask("POST", path, { ...options, body });
  assert.equal(answer.code, 201, answer.text);
}
const as = (name: string, ...groups: string[]): AskOptions => ({
  headers: { "impersonate-user": name, ...(groups.length > 0 ? { "impersonate-group": groups } : {}) },
});
async function asked(method: string, path: string, options: AskOptions): Promise<[number, string]> {
  const { code, body, text } = await ask(method, path, options);
  return [code, code < 400 ? "" : (body?.message ?? text)];
}

const inDefault = `${rbac}/namespaces/default`;
await made("/api/v1/namespaces/default/serviceaccounts", {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "web" },
});
await made("/api/v1/namespaces/default/serviceaccounts", {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "default" },
});
await made(
  `${inDefault}/roles`,
  roleOf("reader", [rule("get list", "pods pods/log"), rule("get", "configmaps", { resourceNames: ["one"] })]),
);
await made(
  `${inDefault}/rolebindings`,
  bindingOf("read", "reader", [user("jane"), { kind: "ServiceAccount", name: "web", namespace: "default" }]),
);

test("a role gives what it says, in its namespace", async () => {
  const jane = as("jane");
  const pods = "/api/v1/namespaces/default/pods";
  const cases = [
    ["GET", pods, 200, ""],
    [
      "GET",
      `${pods}?watch=1&timeoutSeconds=1`,
      403,
      'pods is forbidden: User "jane" cannot watch resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      "/api/v1/pods",
      403,
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
    ],
    [
      "GET",
      "/api/v1/namespaces/other/pods",
      403,
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "other"',
    ],
    [
      "DELETE",
      `${pods}/a`,
      403,
      'pods "a" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "default"',
    ],
    ["GET", `${pods}/a`, 404, 'pods "a" not found'],
    ["GET", `${pods}/a/log`, 404, 'pods "a" not found'],
    [
      "PUT",
      `${pods}/a/status`,
      403,
      'pods "a" is forbidden: User "jane" cannot update resource "pods/status" in API group "" in the namespace "default"',
    ],
    ["GET", "/api/v1/namespaces/default/configmaps/one", 404, 'configmaps "one" not found'],
    [
      "GET",
      "/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Done",
      403,
      'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      "/api/v1/namespaces/default",
      403,
      'namespaces "default" is forbidden: User "jane" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    ["GET", "/metrics", 403, 'forbidden: User "jane" cannot get path "/metrics"'],
    ["GET", "/version", 200, ""],
    ["GET", "/apis", 200, ""],
    ["GET", "/openapi/v3", 200, ""],
  ] as const;
  for (const [method, path, code, message] of cases) {
    const body = method === "PUT" ? {} : undefined;
    assert.deepEqual(
      await asked(method, path, { ...jane, ...(body ? { body } : {}) }),
      [code, message],
      `${method} ${path}`,
    );
  }
});

test("a binding counts at once, and no longer than it is there", async () => {
  const [path, nina] = ["/api/v1/namespaces/default/pods", as("nina")];
  assert.equal((await asked("GET", path, nina))[0], 403);
  await made(`${inDefault}/rolebindings`, bindingOf("nina", "reader", [user("nina")]));
  assert.equal((await asked("GET", path, nina))[0], 200);
  await ask("DELETE", `${inDefault}/rolebindings/nina`);
  assert.equal((await asked("GET", path, nina))[0], 403);
});

test("a binding to a role that is not there says so", async () => {
  await made(`${inDefault}/rolebindings`, bindingOf("dangling", "nowhere", [user("olga")], "ClusterRole"));
  const why = 'RBAC: clusterrole.rbac.authorization.k8s.io "nowhere" not found';
  const want = `pods is forbidden: User "olga" cannot list resource "pods" in API group "" in the namespace "default": ${why}`;
  assert.deepEqual(await asked("GET", "/api/v1/namespaces/default/pods", as("olga")), [403, want]);
});

test("without credentials only health and version are open", async () => {
  for (const path of ["/healthz", "/livez", "/readyz", "/version"]) {
    assert.equal((await ask("GET", path, { as: null })).code, 200, path);
  }
  const why = 'User "system:anonymous" cannot';
  const cases = [
    ["/api/v1/pods", `pods is forbidden: ${why} list resource "pods" in API group "" at the cluster scope`],
    ["/apis", `forbidden: ${why} get path "/apis"`],
    ["/metrics", `forbidden: ${why} get path "/metrics"`],
    ["/openid/v1/jwks", `forbidden: ${why} get path "/openid/v1/jwks"`],
  ] as const;
  for (const [path, want] of cases) assert.deepEqual(await asked("GET", path, { as: null }), [403, want]);
});

const tokenPath = "/api/v1/namespaces/default/serviceaccounts/web/token";
const tokenRequest = (spec: object) => ({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec });
async function newToken(spec: object = {}): Promise<string> {
  const { code, body, text } = await ask("POST", tokenPath, { body: tokenRequest(spec) });
  assert.equal(code, 201, text);
  return body.status.token;
}
const bearer = (token: string): AskOptions => ({ as: null, headers: { authorization: `Bearer ${token}` } });

test("a service account's token lets its bearer in, with the account's roles", async () => {
  const token = await newToken();
  assert.deepEqual(await asked("GET", "/api/v1/namespaces/default/pods", bearer(token)), [200, ""]);
  const [code, message] = await asked("GET", "/api/v1/namespaces/other/pods", bearer(token));
  assert.equal(code, 403);
  assert.match(message, /^pods is forbidden: User "system:serviceaccount:default:web" cannot list/);
  assert.equal((await ask("GET", "/openid/v1/jwks", bearer(token))).body.keys[0].alg, "ES256");
  const document = await ask("GET", "/.well-known/openid-configuration", bearer(token));
  assert.equal(document.body.issuer, "https://kubernetes.default.svc.cluster.local");
});

test("what is no token of ours is 401, whatever is asked", async () => {
  const good = await newToken();
  const wrong = [
    bearer("x"),
    bearer(`${good.slice(0, -4)}AAAA`),
    bearer(await newToken({ audiences: ["vault"] })),
    { as: null, headers: { authorization: "Basic YTpi" } },
  ];
  for (const options of wrong) assert.deepEqual(await asked("GET", "/version", options), [401, "Unauthorized"]);
});

const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "c", image: "x" }], ...spec },
});

test("a token that is bound to a Pod ends with it", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  await made(pods, pod("bound", { serviceAccountName: "web", nodeName: "n1" }));
  const { uid } = (await ask("GET", `${pods}/bound`)).body.metadata;
  const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "bound", uid };
  const token = await newToken({ boundObjectRef });
  const { body } = await ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    ...bearer(token),
    body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
  });
  assert.deepEqual(body.status.userInfo.extra["authentication.kubernetes.io/pod-name"], ["bound"]);
  assert.deepEqual(body.status.userInfo.extra["authentication.kubernetes.io/node-name"], ["n1"]);
  const other = { ...boundObjectRef, uid: "another" };
  assert.equal((await ask("POST", tokenPath, { body: tokenRequest({ boundObjectRef: other }) })).code, 409);
  await ask("DELETE", `${pods}/bound?gracePeriodSeconds=0`);
  assert.equal((await asked("GET", pods, bearer(token)))[0], 401);
  assert.equal((await ask("POST", tokenPath, { body: tokenRequest({ boundObjectRef }) })).code, 404);
});

test("what a token request may not ask for is one sentence", async () => {
  const at = (spec: object) => asked("POST", tokenPath, { body: tokenRequest(spec) });
  const head = 'TokenRequest.authentication.k8s.io "web" is invalid: spec.expirationSeconds: Invalid value: ';
  assert.deepEqual(await at({ expirationSeconds: 5 }), [
    422,
    `${head}5: may not specify a duration less than 10 minutes`,
  ]);
  assert.deepEqual(await at({ expirationSeconds: 2 ** 33 }), [
    422,
    `${head}${2 ** 33}: may not specify a duration larger than 2^32 seconds`,
  ]);
  const odd = { apiVersion: "v1", kind: "Service", name: "x" };
  assert.deepEqual(await at({ boundObjectRef: odd }), [400, "cannot bind token to object of type v1, Kind=Service"]);
  assert.equal((await ask("GET", tokenPath)).code, 405);
});

test("TokenReview tells whose a token is, and for whom", async () => {
  const review = async (spec: object) => {
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec };
    return (await ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body })).body.status;
  };
  const token = await newToken({ audiences: ["vault"] });
  const status = await review({ token, audiences: ["vault", "x"] });
  assert.deepEqual(
    [status.authenticated, status.user.username, status.audiences],
    [true, "system:serviceaccount:default:web", ["vault"]],
  );
  const refused = await review({ token });
  assert.deepEqual([refused.authenticated, refused.user], [undefined, {}]);
  assert.match(refused.error, /^token audiences \["vault"\] is invalid for the target audiences \["https:/);
  assert.deepEqual(await review({ token: "x" }), { user: {}, error: "invalid bearer token" });
});

const access = async (kind: string, path: string, spec: object, options: AskOptions = {}) => {
  const body = { apiVersion: "authorization.k8s.io/v1", kind, spec };
  return ask("POST", `/apis/authorization.k8s.io/v1/${path}`, { ...options, body });
};

test("access reviews answer for others and for oneself", async () => {
  const resourceAttributes = { verb: "get", resource: "pods", subresource: "log", namespace: "default" };
  const jane = await access("SubjectAccessReview", "subjectaccessreviews", { user: "jane", resourceAttributes });
  const reason = 'RBAC: allowed by RoleBinding "read/default" of Role "reader" to User "jane"';
  assert.deepEqual(jane.body.status, { allowed: true, reason });
  const eve = await access("SubjectAccessReview", "subjectaccessreviews", { user: "eve", resourceAttributes });
  assert.deepEqual(eve.body.status, { allowed: false });
  const masters = { groups: ["system:masters"], nonResourceAttributes: { verb: "get", path: "/metrics" } };
  assert.equal((await access("SubjectAccessReview", "subjectaccessreviews", masters)).body.status.allowed, true);
  const self = await access("SelfSubjectAccessReview", "selfsubjectaccessreviews", { resourceAttributes }, as("jane"));
  assert.equal(self.body.status.allowed, true);
  const local = "namespaces/default/localsubjectaccessreviews";
  const here = await access("LocalSubjectAccessReview", local, { user: "jane", resourceAttributes });
  assert.equal(here.body.status.allowed, true);
  const elsewhere = { ...resourceAttributes, namespace: "other" };
  const wrong = await access("LocalSubjectAccessReview", local, { user: "jane", resourceAttributes: elsewhere });
  assert.match(
    wrong.body.message,
    /spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace/,
  );
  const empty = await access("SubjectAccessReview", "subjectaccessreviews", { user: "jane" });
  assert.equal(empty.code, 422);
  assert.equal(
    (await access("SubjectAccessReview", "subjectaccessreviews", { user: "jane", resourceAttributes }, as("jane")))
      .code,
    403,
  );
  assert.equal((await ask("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews")).code, 405);
});

test("a rules review lists what one may do", async () => {
  const { body } = await access(
    "SelfSubjectRulesReview",
    "selfsubjectrulesreviews",
    { namespace: "default" },
    as("jane"),
  );
  const { resourceRules, nonResourceRules, incomplete } = body.status;
  assert.equal(incomplete, false);
  const pods = resourceRules.find(({ resources }: { resources: string[] }) => resources.includes("pods"));
  assert.deepEqual(pods, { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "pods/log"] });
  assert.ok(
    nonResourceRules.some(({ nonResourceURLs: urls }: { nonResourceURLs: string[] }) => urls.includes("/version")),
  );
});

test("impersonation must be allowed, one by one", async () => {
  await made(
    `${rbac}/clusterroles`,
    roleOf(
      "acting",
      [
        { verbs: ["impersonate"], apiGroups: [""], resources: ["users"], resourceNames: ["jane"] },
        rule("impersonate", "groups", { resourceNames: ["dev"] }),
      ],
      "ClusterRole",
    ),
  );
  await made(`${rbac}/clusterrolebindings`, {
    ...bindingOf("acting", "acting", [{ kind: "ServiceAccount", name: "web", namespace: "default" }], "ClusterRole"),
    kind: "ClusterRoleBinding",
  });
  const token = await newToken();
  const acting = async (headers: AskOptions["headers"]) => {
    const own = { authorization: `Bearer ${token}`, ...headers };
    return asked("GET", "/api/v1/namespaces/default/pods", { as: null, headers: own });
  };
  const who = 'User "system:serviceaccount:default:web" cannot impersonate resource';
  assert.deepEqual(await acting({ "impersonate-user": "jane" }), [200, ""]);
  assert.deepEqual(await acting({ "impersonate-user": "jane", "impersonate-group": ["dev"] }), [200, ""]);
  assert.deepEqual(await acting({ "impersonate-user": "admin" }), [
    403,
    `users "admin" is forbidden: ${who} "users" in API group "" at the cluster scope`,
  ]);
  assert.deepEqual(await acting({ "impersonate-user": "jane", "impersonate-group": ["dev", "system:masters"] }), [
    403,
    `groups "system:masters" is forbidden: ${who} "groups" in API group "" at the cluster scope`,
  ]);
  assert.deepEqual(await acting({ "impersonate-user": "jane", "impersonate-extra-scopes": "view" }), [
    403,
    `userextras.authentication.k8s.io "view" is forbidden: ${who} "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope`,
  ]);
  assert.equal((await acting({ "impersonate-group": "dev" }))[0], 400);
  assert.equal((await acting({ "impersonate-user": "system:serviceaccount:default:default" }))[0], 403);
});

test("nobody grants more than they have, unless they may", async () => {
  const rules = [
    {
      verbs: ["create", "update", "patch", "delete", "get"],
      apiGroups: ["rbac.authorization.k8s.io"],
      resources: ["roles", "rolebindings"],
    },
  ];
  await made(`${inDefault}/roles`, roleOf("granter", rules));
  await made(`${inDefault}/rolebindings`, bindingOf("granter", "granter", [user("greta")]));
  await made(`${inDefault}/rolebindings`, bindingOf("greta-reads", "reader", [user("greta")]));
  const greta = as("greta");
  const post = (path: string, body: object) => asked("POST", `${inDefault}/${path}`, { ...greta, body });
  const attempt =
    'user "greta" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:';
  assert.deepEqual(await post("roles", roleOf("more", [rule("get delete", "pods")])), [
    403,
    `roles.rbac.authorization.k8s.io "more" is forbidden: ${attempt}\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}`,
  ]);
  assert.deepEqual(await post("roles", roleOf("same", [rule("get", "pods")])), [201, ""]);
  const widened = { ...roleOf("same", [rule("get", "secrets")]) };
  assert.equal((await asked("PUT", `${inDefault}/roles/same`, { ...greta, body: widened }))[0], 403);
  const relabelled = { ...roleOf("same", [rule("get", "pods")]), metadata: { name: "same", labels: { a: "b" } } };
  assert.deepEqual(await asked("PUT", `${inDefault}/roles/same`, { ...greta, body: relabelled }), [200, ""]);
  assert.deepEqual(await post("rolebindings", bindingOf("b1", "reader", [user("fred")])), [201, ""]);
  assert.equal((await post("rolebindings", bindingOf("b2", "cluster-admin", [user("greta")], "ClusterRole")))[0], 403);
  assert.deepEqual(await post("rolebindings", bindingOf("b3", "none", [user("greta")])), [
    404,
    'roles.rbac.authorization.k8s.io "none" not found',
  ]);
  await made(
    `${inDefault}/roles`,
    roleOf("binder", [
      {
        verbs: ["bind"],
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["clusterroles"],
        resourceNames: ["view"],
      },
      { verbs: ["escalate"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"] },
    ]),
  );
  await made(`${inDefault}/rolebindings`, bindingOf("binder", "binder", [user("greta")]));
  assert.deepEqual(await post("rolebindings", bindingOf("b4", "view", [user("greta")], "ClusterRole")), [201, ""]);
  assert.equal((await post("rolebindings", bindingOf("b5", "admin", [user("greta")], "ClusterRole")))[0], 403);
  assert.deepEqual(await post("roles", roleOf("more", [rule("get delete", "pods")])), [201, ""]);
});

test("aggregated roles follow the roles that they name", async () => {
  const labels = { "rbac.authorization.k8s.io/aggregate-to-view": "true" };
  const widgets = { verbs: ["get"], apiGroups: ["example.com"], resources: ["widgets"] };
  await made(`${rbac}/clusterroles`, {
    apiVersion,
    kind: "ClusterRole",
    metadata: { name: "widgets", labels },
    rules: [widgets],
  });
  const has = async (role: string): Promise<boolean> => {
    const { body } = await ask("GET", `${rbac}/clusterroles/${role}`);
    return body.rules.some(({ resources }: { resources: string[] }) => resources?.includes("widgets"));
  };
  const settled = async (want: boolean): Promise<void> => {
    for (let turn = 0; turn < 100 && (await has("admin")) !== want; turn++)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await settled(true);
  for (const role of ["view", "edit", "admin"]) assert.equal(await has(role), true, role);
  await ask("DELETE", `${rbac}/clusterroles/widgets`);
  await settled(false);
  for (const role of ["view", "edit", "admin"]) assert.equal(await has(role), false, role);
});

test("a node sees what its own Pods need, and writes only what is its own", async () => {
  const node = { as: "node-n1" } as const;
  const data = (name: string, kind: string) => ({ apiVersion: "v1", kind, metadata: { name } });
  for (const name of ["used", "unused"]) {
    await made("/api/v1/namespaces/default/configmaps", data(name, "ConfigMap"));
    await made("/api/v1/namespaces/default/secrets", data(name, "Secret"));
  }
  const env = [{ name: "A", valueFrom: { secretKeyRef: { name: "used", key: "k" } } }];
  const containers = [{ name: "c", image: "x", env }];
  const volumes = [{ name: "v", configMap: { name: "used" } }];
  const pods = "/api/v1/namespaces/default/pods";
  await made(pods, pod("mine", { nodeName: "n1", containers, volumes }));
  await made(pods, pod("theirs", { nodeName: "n2", serviceAccountName: "web" }));
  const core = "/api/v1/namespaces/default";
  const unrelated = "no relationship found between node 'n1' and this object";
  const cases = [
    ["GET", `${core}/configmaps/used`, 200],
    ["GET", `${core}/secrets/used`, 200],
    ["GET", `${core}/configmaps/unused`, 403],
    ["GET", `${core}/secrets`, 403],
    ["GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", 200],
    ["GET", "/api/v1/services", 200],
    ["GET", "/api/v1/nodes", 200],
    ["DELETE", `${pods}/theirs?gracePeriodSeconds=0`, 403],
    ["DELETE", "/api/v1/nodes/n2", 403],
    ["GET", `${rbac}/clusterroles`, 403],
    ["GET", "/metrics", 403],
    ["DELETE", `${pods}/mine?gracePeriodSeconds=0&dryRun=All`, 200],
  ] as const;
  for (const [method, path, code] of cases) {
    assert.equal((await asked(method, path, node))[0], code, `${method} ${path}`);
  }
  const [, message] = await asked("GET", `${core}/secrets/unused`, node);
  assert.equal(
    message,
    `secrets "unused" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default": ${unrelated}`,
  );
  const nodeNamed = (name: string) => ({ ...node, body: { apiVersion: "v1", kind: "Node", metadata: { name } } });
  const other = 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"';
  assert.deepEqual(await asked("POST", "/api/v1/nodes", nodeNamed("n2")), [403, other]);
  assert.deepEqual(await asked("POST", "/api/v1/nodes", nodeNamed("n1")), [201, ""]);
  const { uid } = (await ask("GET", `${pods}/mine`)).body.metadata;
  const request = (name: string) =>
    tokenRequest({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name, ...(name === "mine" ? { uid } : {}) } });
  const accounts = `${core}/serviceaccounts`;
  assert.equal((await asked("POST", `${accounts}/default/token`, { ...node, body: request("mine") }))[0], 201);
  assert.equal((await asked("POST", `${accounts}/web/token`, { ...node, body: request("theirs") }))[0], 403);
  assert.equal((await asked("POST", `${accounts}/default/token`, { ...node, body: tokenRequest({}) }))[0], 403);
});

test("the cluster's own parts have what they watch, and no more", async () => {
  const cases = [
    ["kube-proxy", "/api/v1/services?watch=1&timeoutSeconds=1", 200],
    ["kube-proxy", "/apis/discovery.k8s.io/v1/endpointslices", 200],
    ["kube-proxy", "/api/v1/nodes", 200],
    ["kube-proxy", "/api/v1/secrets", 403],
    ["kube-proxy", "/api/v1/pods", 403],
    ["coredns", "/api/v1/services", 200],
    ["coredns", "/apis/discovery.k8s.io/v1/endpointslices", 200],
    ["coredns", "/api/v1/namespaces", 200],
    ["coredns", "/api/v1/pods", 200],
    ["coredns", "/api/v1/configmaps", 403],
    ["load-balancer", "/api/v1/services", 200],
    ["load-balancer", "/api/v1/secrets", 403],
    ["control-plane", "/api/v1/secrets", 200],
  ] as const;
  for (const [client, path, code] of cases) {
    assert.equal((await asked("GET", path, { as: client }))[0], code, `${client} ${path}`);
  }
});

test("a Pod whose volume has no name is told so, with an account that gives it one", async () => {
  const answer = await ask("POST", "/api/v1/namespaces/default/pods", {
    body: pod("nameless", { volumes: [{ emptyDir: {} }] }),
  });
  assert.deepEqual([answer.code, answer.body.message.includes("spec.volumes[0].name: Required value")], [422, true]);
});

test("Pods get their account's token, priority and tolerations", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  await made(pods, pod("plain", { initContainers: [{ name: "i", image: "x" }] }));
  const { spec } = (await ask("GET", `${pods}/plain`)).body;
  const name = spec.volumes[0].name;
  assert.match(name, /^kube-api-access-[a-z0-9]{5}$/);
  const mount = { name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" };
  assert.deepEqual([spec.containers[0].volumeMounts, spec.initContainers[0].volumeMounts], [[mount], [mount]]);
  assert.deepEqual(spec.volumes[0].projected, {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
        },
      },
    ],
  });
  assert.deepEqual(
    [spec.priority, spec.preemptionPolicy, spec.serviceAccountName],
    [0, "PreemptLowerPriority", "default"],
  );
  const toleration = (key: string) => ({
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 300,
  });
  assert.deepEqual(spec.tolerations, [toleration("not-ready"), toleration("unreachable")]);
  await made(
    pods,
    pod("special", {
      automountServiceAccountToken: false,
      priorityClassName: "system-node-critical",
      tolerations: [{ operator: "Exists" }],
    }),
  );
  const special = (await ask("GET", `${pods}/special`)).body.spec;
  assert.deepEqual(
    [special.volumes, special.priority, special.tolerations],
    [undefined, 2_000_001_000, [{ operator: "Exists" }]],
  );
});

test("Pods of an account or class that is not there are refused", async () => {
  const post = (path: string, spec: object) => asked("POST", path, { body: pod("p", spec) });
  const pods = "/api/v1/namespaces/default/pods";
  assert.deepEqual(await post(pods, { serviceAccountName: "none" }), [
    403,
    'pods "p" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
  ]);
  assert.deepEqual(await post(pods, { priorityClassName: "none" }), [
    403,
    'pods "p" is forbidden: no PriorityClass with name none was found',
  ]);
  const waiting = post("/api/v1/namespaces/other/pods", {});
  await made("/api/v1/namespaces/other/serviceaccounts", {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default" },
  });
  assert.deepEqual(await waiting, [201, ""]);
});
