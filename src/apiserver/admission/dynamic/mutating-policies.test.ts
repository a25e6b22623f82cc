import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../../testing.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;

const group = "/apis/admissionregistration.k8s.io/v1";
const deployments = "/apis/apps/v1/namespaces/default/deployments?dryRun=All";
const apply = (expression: string) => ({ patchType: "ApplyConfiguration", applyConfiguration: { expression } });
const patch = (expression: string) => ({ patchType: "JSONPatch", jsonPatch: { expression } });
const resourceRules = [
  { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
];
const policy = (name: string, mutations: object[], more: object = {}) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingAdmissionPolicy",
  metadata: { name },
  spec: { matchConstraints: { resourceRules }, reinvocationPolicy: "IfNeeded", mutations, ...more },
});
const binding = (name: string, more: object = {}) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingAdmissionPolicyBinding",
  metadata: { name },
  spec: { policyName: name, ...more },
});
const template = {
  metadata: { labels: { a: "b" } },
  spec: { containers: [{ name: "c", image: "x:1" }], nodeSelector: { z: "1" } },
};
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d" },
  spec: { selector: { matchLabels: { a: "b" } }, template },
};

/** The answer to a Deployment while these policies are there. */
async function under(...policies: ReturnType<typeof policy>[]) {
  for (const one of policies) {
    const made = await ask("POST", `${group}/mutatingadmissionpolicies`, { body: one });
    assert.equal(made.code, 201, made.text);
    await ask("POST", `${group}/mutatingadmissionpolicybindings`, { body: binding(one.metadata.name) });
  }
  const answer = await ask("POST", deployments, { body: deployment });
  await ask("DELETE", `${group}/mutatingadmissionpolicybindings`);
  await ask("DELETE", `${group}/mutatingadmissionpolicies`);
  return answer;
}

test("configurations are merged: maps by field, lists by their keys; mutations see those before them", async () => {
  const spec = (inner: string): string =>
    `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{${inner}}}}}`;
  const { body } = await under(
    policy(
      "p",
      [
        apply('Object{metadata: Object.metadata{labels: {"one": "1"}}}'),
        apply('Object{metadata: Object.metadata{labels: {"two": object.metadata.labels.one + "2"}}}'),
        apply("Object{spec: Object.spec{replicas: variables.count}}"),
        apply(spec('containers: [Object.spec.template.spec.containers{name: "side", image: "s:1"}]')),
      ],
      { variables: [{ name: "count", expression: "3" }] },
    ),
  );
  assert.deepEqual(body.metadata.labels, { one: "1", two: "12" });
  assert.equal(body.spec.replicas, 3);
  const containers = body.spec.template.spec.containers as { name: string; imagePullPolicy: string }[];
  assert.deepEqual(
    containers.map(({ name, imagePullPolicy }) => [name, imagePullPolicy]),
    [
      ["c", "IfNotPresent"],
      ["side", "IfNotPresent"],
    ],
  );
  const replaced = await under(policy("p", [apply(spec('nodeSelector: {"a": "b"}'))]));
  const why =
    "policy 'p' with binding 'p' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.template.spec.nodeSelector";
  assert.deepEqual([replaced.code, replaced.body.reason, replaced.body.message], [403, "Invalid", why]);
});

test("patches are applied; one whose test fails is not meant", async () => {
  const key = 'jsonpatch.escapeKey("a/b")';
  const { body } = await under(
    policy("p", [
      patch('[JSONPatch{op: "add", path: "/metadata/annotations", value: {"a/b": "1"}}]'),
      patch(`[JSONPatch{op: "replace", path: "/metadata/annotations/" + ${key}, value: "2"}]`),
      patch(
        '[JSONPatch{op: "test", path: "/spec/paused", value: true}, JSONPatch{op: "remove", path: "/spec/replicas"}]',
      ),
    ]),
  );
  assert.deepEqual([body.metadata.annotations, body.spec.replicas], [{ "a/b": "2" }, 1]);
});

test("a policy that fails refuses, or with failurePolicy Ignore does nothing; conditions leave requests out", async () => {
  const broken = [apply('Object{metadata: Object.metadata{labels: {"a": object.metadata.nope}}}')];
  const refused = await under(policy("p", broken));
  assert.equal(refused.code, 403);
  assert.match(
    refused.body.message,
    /^policy 'p' with binding 'p' denied request: expression 'Object\{metadata: .*no such key: nope$/,
  );
  assert.equal((await under(policy("p", broken, { failurePolicy: "Ignore" }))).code, 201);
  const matchConditions = [{ name: "other", expression: "object.metadata.name != 'd'" }];
  assert.equal((await under(policy("p", broken, { matchConditions }))).code, 201);
});

test("a policy runs once more if one behind it changed the object, and it is willing", async () => {
  const labels = "has(object.metadata.labels) ? string(size(object.metadata.labels)) : 'none'";
  const first = (reinvocationPolicy: string) =>
    policy("a", [patch(`[JSONPatch{op: "add", path: "/metadata/annotations", value: {"seen": ${labels}}}]`)], {
      reinvocationPolicy,
    });
  const second = policy("b", [apply('Object{metadata: Object.metadata{labels: {"b": "1"}}}')]);
  assert.equal((await under(first("IfNeeded"), second)).body.metadata.annotations.seen, "1");
  assert.equal((await under(first("Never"), second)).body.metadata.annotations.seen, "none");
});

test("what cannot be is refused when it is written", async () => {
  const cases = [
    [[], "spec.mutations"],
    [[{ patchType: "Odd" }], "spec.mutations[0].patchType"],
    [[{ patchType: "JSONPatch" }], "spec.mutations[0].jsonPatch"],
    [[apply("Object{spec")], "spec.mutations[0].applyConfiguration.expression"],
    [[apply("Object{spec: params.x}")], "spec.mutations[0].applyConfiguration.expression"],
  ] as const;
  for (const [mutations, field] of cases) {
    const { code, body } = await ask("POST", `${group}/mutatingadmissionpolicies`, {
      body: policy("p", [...mutations]),
    });
    assert.deepEqual([code, body.details.causes[0].field], [422, field]);
  }
});
