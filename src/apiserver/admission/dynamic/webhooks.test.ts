import assert from "node:assert/strict";
import { after, test } from "node:test";
import { endpointSlices, namespaces } from "../../../api/resource.ts";
import { objectStoreKey } from "../../keys.ts";
import { startTestServer } from "../../testing.ts";
import { patched, reviewed, startTestWebhook } from "../../webhook-testing.ts";

const server = await startTestServer({ namespaces: ["default", "other"] });
const hook = await startTestWebhook(["127.0.0.1", "hook.default.svc"]);
after(async () => {
  await server.close();
  await hook.close();
});
const { ask } = server;

const group = "/apis/admissionregistration.k8s.io/v1";
const maps = "/api/v1/namespaces/default/configmaps";
const mergeType = "application/merge-patch+json";
const configMap = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data: { a: "1" },
  ...more,
});
const rule = (resources: string[], operations: string[] = ["*"], more: object = {}) => ({
  apiGroups: ["*"],
  apiVersions: ["*"],
  operations,
  resources,
  ...more,
});
const webhook = (path: string, resources: string[], more: object = {}) => ({
  name: `${path.replaceAll("/", "")}.example.com`,
  clientConfig: hook.url(path),
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  rules: [rule(resources)],
  ...more,
});

type Plural = "mutatingwebhookconfigurations" | "validatingwebhookconfigurations";

/** Configures webhooks for the time of `work`. */
async function using(plural: Plural, webhooks: object[], work: () => Promise<void>, name = "one"): Promise<void> {
  const kind = plural.startsWith("mutating") ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration";
  const body = { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name }, webhooks };
  const made = await ask("POST", `${group}/${plural}`, { body });
  assert.equal(made.code, 201, made.text);
  try {
    await work();
  } finally {
    await ask("DELETE", `${group}/${plural}/${name}`);
  }
}
const mutating = using.bind(undefined, "mutatingwebhookconfigurations");
const validating = using.bind(undefined, "validatingwebhookconfigurations");

test("a mutating webhook changes what is stored, and sees who asks for what", async () => {
  hook.answer("/label", (review) =>
    patched(review, [
      { op: "add", path: "/metadata/labels", value: { touched: "yes" } },
      { op: "add", path: "/data/b", value: "2" },
    ]),
  );
  await mutating([webhook("/label", ["configmaps"], { rules: [rule(["configmaps"], ["CREATE"])] })], async () => {
    const made = await ask("POST", `${maps}?fieldManager=me`, { body: configMap("changed") });
    assert.deepEqual(
      [made.code, made.body.metadata.labels, made.body.data],
      [201, { touched: "yes" }, { a: "1", b: "2" }],
    );
    assert.ok(!JSON.stringify(made.body.metadata.managedFields).includes("touched"), "nobody owns what a webhook sets");
    const [{ request }] = hook.asked("/label");
    const { uid, userInfo, object, ...rest } = request;
    assert.equal(typeof uid, "string");
    assert.deepEqual([userInfo.username, userInfo.groups.includes("system:masters")], ["kubernetes-admin", true]);
    assert.deepEqual([object.kind, object.apiVersion, object.data], ["ConfigMap", "v1", { a: "1" }]);
    assert.equal(typeof object.metadata.uid, "string");
    assert.deepEqual(rest, {
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      requestKind: { group: "", version: "v1", kind: "ConfigMap" },
      requestResource: { group: "", version: "v1", resource: "configmaps" },
      name: "changed",
      namespace: "default",
      operation: "CREATE",
      oldObject: null,
      dryRun: false,
      options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", fieldManager: "me" },
    });
  });
  assert.equal((await ask("POST", maps, { body: configMap("plain") })).body.metadata.labels, undefined);
});

test("a webhook that says no refuses the write, in its own words", async () => {
  const cases = [
    [{ message: "no way", code: 403, reason: "Forbidden" }, 403, "Forbidden", ": no way"],
    [{ message: "because" }, 400, undefined, ": because"],
    [{ reason: "Conflict", code: 409 }, 409, "Conflict", ": Conflict"],
    [undefined, 400, undefined, " without explanation"],
  ] as const;
  for (const [status, code, reason, end] of cases) {
    hook.answer("/no", (review) => reviewed(review, { allowed: false, ...(status ? { status } : {}) }));
    await validating([webhook("/no", ["configmaps"])], async () => {
      const refused = await ask("POST", maps, { body: configMap("refused") });
      assert.equal(refused.code, code);
      assert.equal(refused.body.reason, reason);
      assert.equal(refused.body.message, `admission webhook "no.example.com" denied the request${end}`);
      assert.equal((await ask("GET", `${maps}/refused`)).code, 404);
    });
  }
});

test("every way to write is seen: update, patch, apply, status, delete, deletecollection, scale, eviction, binding, exec", async () => {
  hook.answer("/see", (review) => reviewed(review, {}));
  const seen = (): string[] =>
    hook.asked("/see").map(({ request }) => {
      const { operation, resource, subResource = "", name = "", kind, object, oldObject } = request;
      const has = `${object === null ? "-" : "o"}${oldObject === null ? "-" : "o"}`;
      return `${operation} ${resource.resource}/${subResource} ${name} ${kind.kind} ${has}`;
    });
  await validating([webhook("/see", ["*/*"], { namespaceSelector: { matchLabels: { seen: "yes" } } })], async () => {
    const type = "application/apply-patch+yaml";
    await ask("PATCH", "/api/v1/namespaces/other", {
      type: mergeType,
      body: { metadata: { labels: { seen: "yes" } } },
    });
    const there = "/api/v1/namespaces/other";
    const { body } = await ask("POST", `${there}/configmaps`, { body: configMap("w") });
    await ask("PUT", `${there}/configmaps/w`, { body: { ...body, data: { a: "2" } } });
    await ask("PATCH", `${there}/configmaps/w`, { type: mergeType, body: { data: { a: "3" } } });
    await ask("PATCH", `${there}/configmaps/x?fieldManager=me`, { type, body: configMap("x") });
    await ask("PATCH", `${there}/configmaps/x?fieldManager=me`, { type, body: configMap("x", { data: { a: "9" } }) });
    await ask("DELETE", `${there}/configmaps/w`);
    await ask("DELETE", `${there}/configmaps`);
    const pod = { metadata: { generateName: "p-" }, spec: { containers: [{ name: "c", image: "x" }] } };
    const { name } = (await ask("POST", `${there}/pods`, { body: pod })).body.metadata;
    const binding = { metadata: { name }, target: { kind: "Node", name: "n1" } };
    await ask("POST", `${there}/pods/${name}/binding`, { body: binding });
    await ask("PATCH", `${there}/pods/${name}/status`, { type: mergeType, body: { status: { message: "m" } } });
    await ask("POST", `${there}/pods/${name}/exec?command=ls&stdout=true`);
    await ask("POST", `${there}/pods/${name}/eviction`, { body: { kind: "Eviction", metadata: { name } } });
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } };
    const spec = { selector: { matchLabels: { a: "b" } }, template };
    const sets = "/apis/apps/v1/namespaces/other/replicasets";
    await ask("POST", sets, { body: { metadata: { name: "r" }, spec } });
    const scaled = await ask("PATCH", `${sets}/r/scale`, { type: mergeType, body: { spec: { replicas: 0 } } });
    assert.equal(scaled.body.spec.replicas, 0);
    const all = seen().map((text) => text.replace(name, "POD"));
    assert.deepEqual(all, [
      "UPDATE namespaces/ other Namespace oo",
      "CREATE configmaps/ w ConfigMap o-",
      "UPDATE configmaps/ w ConfigMap oo",
      "UPDATE configmaps/ w ConfigMap oo",
      "CREATE configmaps/ x ConfigMap o-",
      "UPDATE configmaps/ x ConfigMap oo",
      "DELETE configmaps/ w ConfigMap -o",
      "DELETE configmaps/  ConfigMap -o",
      "CREATE pods/ POD Pod o-",
      "CREATE pods/binding POD Binding o-",
      "UPDATE pods/status POD Pod oo",
      "CONNECT pods/exec POD PodExecOptions o-",
      "CREATE pods/eviction POD Eviction o-",
      "CREATE replicasets/ r ReplicaSet o-",
      "UPDATE replicasets/scale r Scale oo",
    ]);
    const exec = hook.asked("/see").find(({ request }) => request.operation === "CONNECT").request;
    assert.deepEqual(exec.object, { kind: "PodExecOptions", apiVersion: "v1", stdout: true, command: ["ls"] });
    assert.equal(exec.options, null);
  });
});

test("selectors, scopes, exact matches and conditions leave requests out", async () => {
  const count = (path: string): number => hook.asked(path).length;
  for (const path of ["/a", "/b", "/c", "/d"]) hook.answer(path, (review) => reviewed(review, {}));
  const condition = (expression: string) => ({ matchConditions: [{ name: "c", expression }] });
  const hooks = [
    webhook("/a", ["configmaps"], { objectSelector: { matchLabels: { wanted: "yes" } } }),
    webhook("/b", ["*"], { rules: [rule(["*"], ["*"], { scope: "Cluster" })] }),
    webhook("/c", ["configmaps"], condition("object.data.a == '1' && request.userInfo.username == 'kubernetes-admin'")),
    webhook("/d", ["configmaps"], condition("object.metadata.name.startsWith('x')")),
  ];
  await validating(hooks, async () => {
    await ask("POST", maps, { body: configMap("s1") });
    await ask("POST", maps, { body: configMap("s2", { metadata: { name: "s2", labels: { wanted: "yes" } } }) });
    await ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "third" } } });
    assert.deepEqual(["/a", "/b", "/c", "/d"].map(count), [1, 1, 2, 0]);
  });
  const broken = webhook("/d", ["configmaps"], condition("object.nope.x == 1"));
  await validating([broken], async () => {
    const { code, body } = await ask("POST", maps, { body: configMap("s3") });
    assert.deepEqual([code, body.reason], [403, "Forbidden"]);
    assert.equal(
      body.message,
      "configmaps \"s3\" is forbidden: expression 'object.nope.x == 1' resulted in error: no such key: nope",
    );
  });
  await validating([{ ...broken, failurePolicy: "Ignore" }], async () => {
    assert.equal((await ask("POST", maps, { body: configMap("s3") })).code, 201);
  });
});

test("a webhook that fails refuses, or is passed over, as its failurePolicy says", async () => {
  const url = hook.url("/gone").url;
  const closed = { url: "https://127.0.0.1:1/x", caBundle: hook.caBundle };
  const cases: [name: string, config: object, answer: (review: unknown) => unknown, want: RegExp][] = [
    [
      "refused",
      closed,
      () => 200,
      /Post "https:\/\/127\.0\.0\.1:1\/x\?timeout=1s": dial tcp 127\.0\.0\.1:1: connect: connection refused$/,
    ],
    ["cut", hook.url("/gone"), () => undefined, /Post ".*": EOF$/],
    ["404", hook.url("/gone"), () => 404, /failed to call webhook: the server could not find the requested resource$/],
    ["500", hook.url("/gone"), () => 500, /an error on the server \(""\) has prevented the request from succeeding$/],
    [
      "slow",
      hook.url("/gone"),
      () => new Promise((resolve) => setTimeout(resolve, 3000, 200)),
      /context deadline exceeded$/,
    ],
    [
      "untrusted",
      { url },
      () => 200,
      /tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
    ],
    ["empty", hook.url("/gone"), () => ({}), /received invalid webhook response: webhook response was absent$/],
    [
      "uid",
      hook.url("/gone"),
      (review) => reviewed(review, { uid: "x" }),
      /received invalid webhook response: expected response\.uid="[^"]+", got "x"$/,
    ],
    [
      "a patch",
      hook.url("/gone"),
      (review) => patched(review, [{ op: "add", path: "/data/x", value: "1" }]),
      /received invalid webhook response: validating webhook may not return response\.patch$/,
    ],
  ];
  for (const [name, clientConfig, answer, want] of cases) {
    hook.answer("/gone", answer);
    const failing = webhook("/gone", ["configmaps"], { clientConfig, timeoutSeconds: 1 });
    await validating([failing], async () => {
      const { code, body } = await ask("POST", maps, { body: configMap("failing") });
      assert.deepEqual([name, code, body.reason], [name, 500, "InternalError"]);
      assert.match(body.message, /^Internal error occurred: failed calling webhook "gone\.example\.com": /);
      assert.match(body.message, want);
    });
    await validating([{ ...failing, failurePolicy: "Ignore" }], async () => {
      assert.equal((await ask("POST", `${maps}?dryRun=All`, { body: configMap("failing") })).code, 201, name);
    });
  }
});

test("dry runs reach webhooks without side effects only", async () => {
  hook.answer("/dry", (review) => reviewed(review, { warnings: ["mind the step"] }));
  await validating([webhook("/dry", ["configmaps"], { sideEffects: "NoneOnDryRun" })], async () => {
    const { code, headers } = await ask("POST", `${maps}?dryRun=All`, { body: configMap("dry") });
    assert.deepEqual([code, headers.warning], [201, '299 - "mind the step"']);
    const { request } = hook.asked("/dry").at(-1);
    assert.deepEqual([request.dryRun, request.options.dryRun], [true, ["All"]]);
  });
  // Stored before the rule came that forbids it.
  const path = `${group}/validatingwebhookconfigurations`;
  const key = "/registry/admissionregistration.k8s.io/validatingwebhookconfigurations/old";
  const old = { ...webhook("/dry", ["configmaps"]), sideEffects: "Some" };
  const stored = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "old" },
    webhooks: [old],
  };
  await server.store.create(key, () => Buffer.from(JSON.stringify(stored)));
  const { code, body } = await ask("POST", `${maps}?dryRun=All`, { body: configMap("dry") });
  assert.deepEqual([code, body.message], [400, 'admission webhook "dry.example.com" does not support dry run']);
  await ask("DELETE", `${path}/old`);
});

test("mutating webhooks run in the order of their names, and once more if one behind them changed something", async () => {
  hook.answer("/first", (review) => {
    const count = Number(review.request.object.data.count ?? 0) + 1;
    return patched(review, [{ op: "add", path: "/data/count", value: String(count) }]);
  });
  hook.answer("/second", (review) =>
    patched(review, [{ op: "add", path: "/data/seen", value: review.request.object.data.count ?? "none" }]),
  );
  const first = webhook("/first", ["configmaps"], { reinvocationPolicy: "IfNeeded" });
  const second = webhook("/second", ["configmaps"]);
  await mutating(
    [second],
    async () => {
      await mutating(
        [first],
        async () => {
          const { data } = (await ask("POST", maps, { body: configMap("ordered") })).body;
          assert.deepEqual(data, { a: "1", count: "2", seen: "1" });
        },
        "a",
      );
      await mutating(
        [first],
        async () => {
          const { data } = (await ask("POST", maps, { body: configMap("reversed") })).body;
          assert.deepEqual(data, { a: "1", count: "1", seen: "none" });
        },
        "z",
      );
    },
    "m",
  );
});

test("what a webhook makes of an object is validated, and the server's own part stays", async () => {
  hook.answer("/spoil", (review) =>
    patched(review, [
      { op: "replace", path: "/metadata/uid", value: "mine" },
      { op: "add", path: "/data/bad key!", value: "1" },
    ]),
  );
  await mutating([webhook("/spoil", ["configmaps"])], async () => {
    const { code, body } = await ask("POST", maps, { body: configMap("spoilt") });
    assert.deepEqual([code, body.details.causes[0].field], [422, "data[bad key!]"]);
  });
  hook.answer("/spoil", (review) => patched(review, [{ op: "test", path: "/data/a", value: "other" }]));
  await mutating([webhook("/spoil", ["configmaps"])], async () => {
    const { code, body } = await ask("POST", maps, { body: configMap("spoilt") });
    assert.deepEqual([code, body.reason], [500, "InternalError"]);
  });
  hook.answer("/spoil", (review) => patched(review, [{ op: "add", path: "/metadata/labels", value: { a: "b" } }]));
  await ask("POST", maps, { body: configMap("spoilt") });
  await mutating([webhook("/spoil", ["configmaps"])], async () => {
    const { code, body } = await ask("DELETE", `${maps}/spoilt`);
    assert.equal(code, 500);
    assert.match(
      body.message,
      /"spoil\.example\.com" attempted to modify the object, which is not supported for this operation$/,
    );
  });
});

test("Pods come with their account and defaults, and containers that a webhook adds get theirs", async () => {
  hook.answer("/sidecar", (review) =>
    patched(review, [{ op: "add", path: "/spec/containers/-", value: { name: "side", image: "busybox" } }]),
  );
  await mutating([webhook("/sidecar", ["pods"], { rules: [rule(["pods"], ["CREATE"])] })], async () => {
    const body = { metadata: { generateName: "pod-" }, spec: { containers: [{ name: "c", image: "x" }] } };
    const made = await ask("POST", "/api/v1/namespaces/default/pods", { body });
    assert.equal(made.code, 201, made.text);
    const [, side] = made.body.spec.containers;
    assert.deepEqual(
      [side.name, side.imagePullPolicy, side.terminationMessagePath],
      ["side", "Always", "/dev/termination-log"],
    );
    const { object, name } = hook.asked("/sidecar").at(-1).request;
    assert.deepEqual([name, object.metadata.name, object.metadata.generateName], [undefined, undefined, "pod-"]);
    assert.ok(object.spec.tolerations.length === 2);
    assert.match(made.body.metadata.name, /^pod-/);
  });
});

test("equivalent kinds reach a webhook as the kind that its rules name", async () => {
  hook.answer("/event", (review) => reviewed(review, {}));
  const events = webhook("/event", ["events"], {
    rules: [{ apiGroups: ["events.k8s.io"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["events"] }],
  });
  const body = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e1" },
    involvedObject: { kind: "Pod", namespace: "default", name: "p" },
    message: "hello",
    reason: "Why",
    type: "Normal",
  };
  await validating([events], async () => {
    assert.equal((await ask("POST", "/api/v1/namespaces/default/events", { body })).code, 201);
    const { request } = hook.asked("/event").at(-1);
    assert.deepEqual([request.kind.group, request.requestKind.group], ["events.k8s.io", ""]);
    assert.deepEqual([request.object.apiVersion, request.object.note], ["events.k8s.io/v1", "hello"]);
  });
  await validating([{ ...events, matchPolicy: "Exact" }], async () => {
    const before = hook.asked("/event").length;
    await ask("POST", "/api/v1/namespaces/default/events", { body: { ...body, metadata: { name: "e2" } } });
    assert.equal(hook.asked("/event").length, before);
  });
});

test("who configures admission is never stopped by it, and may mend it", async () => {
  const everything = webhook("/all", ["*/*"], {
    clientConfig: { url: "https://127.0.0.1:1/", caBundle: hook.caBundle },
  });
  await validating([everything], async () => {
    assert.equal((await ask("POST", maps, { body: configMap("stuck") })).code, 500);
    const path = `${group}/validatingwebhookconfigurations/one`;
    const patch = { metadata: { labels: { a: "b" } } };
    assert.equal((await ask("PATCH", path, { type: mergeType, body: patch })).code, 200);
  });
  assert.equal((await ask("POST", maps, { body: configMap("free") })).code, 201);
});

test("a webhook behind a Service is reached at one of its ready Pods, under the Service's name", async () => {
  const base = "/api/v1/namespaces/default";
  const pod = { metadata: { name: "hook" }, spec: { containers: [{ name: "c", image: "x" }] } };
  await ask("POST", `${base}/pods`, { body: pod });
  const status = { podIP: "127.0.0.1", podIPs: [{ ip: "127.0.0.1" }] };
  await ask("PATCH", `${base}/pods/hook/status`, { type: mergeType, body: { status } });
  hook.answer("/behind", (review) => reviewed(review, { allowed: false, status: { message: "seen" } }));
  const service = { namespace: "default", name: "hook", path: "/behind" };
  const behind = webhook("/behind", ["configmaps"], { clientConfig: { service, caBundle: hook.caBundle } });
  const create = async (): Promise<string> => (await ask("POST", maps, { body: configMap("behind") })).body.message;
  await validating([behind], async () => {
    const start =
      'Internal error occurred: failed calling webhook "behind.example.com": failed to call webhook: Post "https://hook.default.svc:443/behind?timeout=10s": ';
    assert.equal(await create(), `${start}service "hook" not found`);
    await ask("POST", `${base}/services`, { body: { metadata: { name: "hook" }, spec: { ports: [{ port: 443 }] } } });
    assert.equal(await create(), `${start}no endpoints available for service "hook"`);
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "hook-1", namespace: "default", labels: { "kubernetes.io/service-name": "hook" } },
      addressType: "IPv4",
      ports: [{ name: "", port: hook.port, protocol: "TCP" }],
      endpoints: [
        {
          addresses: ["127.0.0.1"],
          conditions: { ready: true },
          targetRef: { kind: "Pod", namespace: "default", name: "hook" },
        },
      ],
    };
    // The API takes no loopback address in a slice.
    const key = objectStoreKey(endpointSlices, "default", "hook-1");
    await server.store.create(key, () => Buffer.from(JSON.stringify(slice)));
    assert.equal(await create(), 'admission webhook "behind.example.com" denied the request: seen');
  });
});

test("a namespace's own labels count when it is written", async () => {
  hook.answer("/ns", (review) => reviewed(review, { allowed: false, status: { message: "not here" } }));
  await validating(
    [webhook("/ns", ["namespaces"], { namespaceSelector: { matchLabels: { team: "a" } } })],
    async () => {
      const make = (name: string, labels: object) =>
        ask("POST", "/api/v1/namespaces", { body: { metadata: { name, labels } } });
      assert.equal((await make("team-b", { team: "b" })).code, 201);
      assert.equal((await make("team-a", { team: "a" })).code, 400);
      assert.equal(hook.asked("/ns").at(-1).request.namespace, "team-a");
      assert.equal(await server.store.get(objectStoreKey(namespaces, undefined, "team-a")), undefined);
    },
  );
});
