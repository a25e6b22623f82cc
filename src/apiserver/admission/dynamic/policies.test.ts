import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startTestServer } from "../../testing.ts";

const dir = await mkdtemp(join(tmpdir(), "fairlead-policies-"));
const auditLog = join(dir, "audit.log");
const server = await startTestServer({ namespaces: ["default", "other"], config: { auditLog } });
after(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});
const { ask } = server;

const group = "/apis/admissionregistration.k8s.io/v1";
const maps = "/api/v1/namespaces/default/configmaps";
const mergeType = "application/merge-patch+json";
const configMap = (name: string, data: object = { a: "1" }, namespace = "default") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});
const matchConstraints = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] },
  ],
};
const policy = (spec: object) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name: "p" },
  spec: { matchConstraints, ...spec },
});
const binding = (spec: object = {}) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: "b" },
  spec: { policyName: "p", validationActions: ["Deny"], ...spec },
});

/** Policy "p", bound by "b", for the time of `work`. */
async function using(spec: object, bound: object, work: () => Promise<void>): Promise<void> {
  const made = await ask("POST", `${group}/validatingadmissionpolicies`, { body: policy(spec) });
  assert.equal(made.code, 201, made.text);
  const tied = await ask("POST", `${group}/validatingadmissionpolicybindings`, { body: binding(bound) });
  assert.equal(tied.code, 201, tied.text);
  try {
    await work();
  } finally {
    await ask("DELETE", `${group}/validatingadmissionpolicybindings/b`);
    await ask("DELETE", `${group}/validatingadmissionpolicies/p`);
    await ask("DELETE", maps);
  }
}

const denied = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ";

test("validations deny with the message, the message's expression or the expression itself", async () => {
  const validations = [
    { expression: "!has(object.data.one)", message: "no one", reason: "Forbidden" },
    { expression: "!has(object.data.two)", messageExpression: "'not ' + object.data.two", message: "plain" },
    { expression: "!has(object.data.three)", messageExpression: "object.data.nothing", message: "plain" },
    { expression: "!has(object.data.four)" },
    { expression: "!has(object.data.five)", reason: "RequestEntityTooLarge" },
    { expression: "!has(object.data.six) || object.data.nothing == 'x'" },
  ];
  const cases = [
    [{ one: "1" }, 403, "Forbidden", "no one"],
    [{ two: "this" }, 422, "Invalid", "not this"],
    [{ three: "1" }, 422, "Invalid", "plain"],
    [{ four: "1" }, 422, "Invalid", "failed expression: !has(object.data.four)"],
    [{ five: "1" }, 413, "RequestEntityTooLarge", "failed expression: !has(object.data.five)"],
    [
      { six: "1" },
      422,
      "Invalid",
      "expression '!has(object.data.six) || object.data.nothing == 'x'' resulted in error: no such key: nothing",
    ],
  ] as const;
  await using({ validations }, {}, async () => {
    for (const [data, code, reason, message] of cases) {
      const { body, code: got } = await ask("POST", maps, { body: configMap("m", data) });
      assert.deepEqual([got, body.reason], [code, reason]);
      assert.equal(body.message, `configmaps "m" is forbidden: ${denied}${message}`);
      assert.deepEqual(body.details.causes, [{ message: denied + message }]);
    }
    assert.equal((await ask("POST", maps, { body: configMap("m") })).code, 201);
    const { body } = await ask("PATCH", `${maps}/m`, { type: mergeType, body: { data: { one: "1" } } });
    assert.equal(body.message, `configmaps "m" is forbidden: ${denied}no one`);
  });
  await using({ validations, failurePolicy: "Ignore" }, {}, async () => {
    assert.equal((await ask("POST", maps, { body: configMap("m", { six: "1" }) })).code, 201);
  });
});

test("variables are reckoned once asked for; request, old object and namespace are there", async () => {
  const variables = [
    { name: "size", expression: "size(object.data)" },
    { name: "double", expression: "variables.size * 2" },
    { name: "broken", expression: "object.nope" },
  ];
  const validations = [
    { expression: "variables.double < 6", messageExpression: "'double is ' + string(variables.double)" },
    { expression: "!has(object.data.broken) || variables.broken == 1" },
    { expression: "request.operation == 'CREATE' || oldObject.data.a == object.data.a", message: "a must stay" },
    { expression: "namespaceObject.metadata.name == 'default'", message: "wrong place" },
    { expression: "request.userInfo.username == 'kubernetes-admin' && request.resource.resource == 'configmaps'" },
  ];
  await using({ variables, validations }, {}, async () => {
    const says = async (data: object, namespace = "default"): Promise<string | undefined> => {
      const path = `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`;
      return (await ask("POST", path, { body: configMap("v", data, namespace) })).body.message?.split(
        "denied request: ",
      )[1];
    };
    assert.equal(await says({ a: "1" }), undefined);
    assert.equal(await says({ a: "1", b: "2", c: "3" }), "double is 6");
    assert.match(
      String(await says({ broken: "1" })),
      /composited variable "broken" fails to evaluate: .*no such key: nope/,
    );
    assert.equal(await says({ a: "1" }, "other"), "wrong place");
    await ask("POST", maps, { body: configMap("v") });
    const { body } = await ask("PATCH", `${maps}/v`, { type: mergeType, body: { data: { a: "2" } } });
    assert.match(body.message, /a must stay$/);
  });
});

test("a binding's parameters: one object, several by labels, none", async () => {
  const spec = {
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    matchConditions: [{ name: "not-params", expression: "!object.metadata.name.startsWith('param')" }],
    validations: [
      { expression: "size(object.data) <= int(params.data.max)", messageExpression: "'max ' + params.data.max" },
    ],
  };
  const paramRef = { name: "param", namespace: "default", parameterNotFoundAction: "Deny" };
  const says = async (): Promise<string | undefined> =>
    (await ask("POST", `${maps}?dryRun=All`, { body: configMap("x", { a: "1", b: "2" }) })).body.message;
  await using(spec, { paramRef }, async () => {
    const none = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";
    assert.equal(await says(), `configmaps "x" is forbidden: ${denied}${none}`);
    // Parameters are looked for before conditions are: the first one comes in when the binding lets it.
    const allow = { spec: { paramRef: { ...paramRef, parameterNotFoundAction: "Allow" } } };
    await ask("PATCH", `${group}/validatingadmissionpolicybindings/b`, { type: mergeType, body: allow });
    assert.equal(await says(), undefined);
    assert.equal((await ask("POST", maps, { body: configMap("param", { max: "1" }) })).code, 201);
    assert.equal(await says(), `configmaps "x" is forbidden: ${denied}max 1`);
  });
  const selector = { matchLabels: { param: "yes" } };
  await using(spec, { paramRef: { selector, parameterNotFoundAction: "Allow" } }, async () => {
    const labelled = (name: string, max: string) => ({
      ...configMap(name, { max }),
      metadata: { name, labels: { param: "yes" } },
    });
    await ask("POST", maps, { body: labelled("param-1", "5") });
    assert.equal(await says(), undefined);
    await ask("POST", maps, { body: labelled("param-2", "1") });
    assert.equal(await says(), `configmaps "x" is forbidden: ${denied}max 1`);
  });
});

test("what matches: excluded rules, names, selectors of policy and binding", async () => {
  const validations = [{ expression: "false", message: "no" }];
  const rules = matchConstraints.resourceRules;
  const code = async (name: string, labels: object = {}): Promise<number> => {
    const body = { ...configMap(name), metadata: { name, labels } };
    return (await ask("POST", `${maps}?dryRun=All`, { body })).code;
  };
  const excludeResourceRules = [{ ...rules[0], resourceNames: ["free"] }];
  await using({ validations, matchConstraints: { resourceRules: rules, excludeResourceRules } }, {}, async () => {
    assert.deepEqual([await code("free"), await code("bound")], [201, 422]);
  });
  const named = [{ ...rules[0], resourceNames: ["bound"] }];
  await using({ validations }, { matchResources: { resourceRules: named } }, async () => {
    assert.deepEqual([await code("free"), await code("bound")], [201, 422]);
  });
  const objectSelector = { matchLabels: { strict: "yes" } };
  await using({ validations }, { matchResources: { objectSelector } }, async () => {
    assert.deepEqual([await code("free"), await code("bound", { strict: "yes" })], [201, 422]);
  });
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": "other" } };
  await using({ validations }, { matchResources: { namespaceSelector } }, async () => {
    assert.equal(await code("free"), 201);
    const path = "/api/v1/namespaces/other/configmaps?dryRun=All";
    assert.equal((await ask("POST", path, { body: configMap("x", {}, "other") })).code, 422);
  });
});

test("actions: a warning for the client, a note in the audit log; annotations of the policy", async () => {
  const spec = {
    validations: [{ expression: "false", message: "mind" }],
    auditAnnotations: [
      { key: "size", valueExpression: "'size ' + string(size(object.data))" },
      { key: "none", valueExpression: "null" },
    ],
  };
  await using(spec, { validationActions: ["Warn", "Audit"] }, async () => {
    const { code, headers } = await ask("POST", maps, { body: configMap("noted") });
    const warning = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': mind";
    assert.deepEqual([code, headers.warning], [201, `299 - "${warning}"`]);
  });
  const lines = (await readFile(auditLog, "utf8")).trim().split("\n");
  const noted = lines.map((line) => JSON.parse(line)).find(({ annotations }) => annotations?.["p/size"]);
  const failure = {
    message: "mind",
    policy: "p",
    binding: "b",
    expressionIndex: 0,
    validationActions: ["Warn", "Audit"],
  };
  const {
    "p/size": size,
    "validation.policy.admission.k8s.io/validation_failure": failures,
    ...rest
  } = noted.annotations;
  assert.deepEqual([size, JSON.parse(failures), "p/none" in rest], ["size 1", [failure], false]);
});

test("expressions that cannot be are refused when they are written", async () => {
  const cases = [
    [{ validations: [{ expression: "1 +" }] }, "spec.validations[0].expression", /compilation failed/],
    [
      { validations: [{ expression: "'a'" }] },
      "spec.validations[0].expression",
      /must evaluate to bool but got string$/,
    ],
    [{ validations: [{ expression: "params.x" }] }, "spec.validations[0].expression", /compilation failed/],
    [
      { validations: [{ expression: "variables.y" }], variables: [{ name: "x", expression: "1" }] },
      "spec.validations[0].expression",
      /undefined field 'y'$/,
    ],
    [
      { validations: [{ expression: "true", messageExpression: "1" }] },
      "spec.validations[0].messageExpression",
      /must evaluate to string but got int$/,
    ],
    [
      { auditAnnotations: [{ key: "k", valueExpression: "1" }] },
      "spec.auditAnnotations[0].valueExpression",
      /must evaluate to one of \[string null_type\] but got int$/,
    ],
    [{ validations: [] }, "spec.validations", /validations or auditAnnotations must contain at least one item$/],
  ] as const;
  for (const [spec, field, message] of cases) {
    const { code, body } = await ask("POST", `${group}/validatingadmissionpolicies`, { body: policy(spec) });
    assert.deepEqual([code, body.details.causes[0].field], [422, field]);
    assert.match(body.details.causes[0].message, message);
  }
});

test("an expression may ask what the requester, or an account, is allowed to do", async () => {
  const cases = [
    ["authorizer.group('').resource('secrets').namespace('default').check('get').allowed()", true, false],
    ["authorizer.path('/healthz').check('get').allowed()", true, true],
    ["authorizer.requestResource.check('create').allowed()", true, true],
    ["authorizer.requestResource.check('deletecollection').allowed()", true, false],
    ["authorizer.serviceAccount('default', 'nobody').group('').resource('pods').check('list').allowed()", false, false],
  ] as const;
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create"] }];
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  await ask("POST", `${roles}/roles`, { body: { metadata: { name: "maker" }, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "maker" };
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "alice" }];
  await ask("POST", `${roles}/rolebindings`, { body: { metadata: { name: "maker" }, roleRef, subjects } });
  for (const [expression, admin, alice] of cases) {
    await using({ validations: [{ expression }] }, {}, async () => {
      const body = configMap("asked");
      const code = async (headers: Record<string, string> = {}) =>
        (await ask("POST", `${maps}?dryRun=All`, { body, headers })).code;
      const want = [admin, alice].map((allowed) => (allowed ? 201 : 422));
      assert.deepEqual([await code(), await code({ "impersonate-user": "alice" })], want, expression);
    });
  }
});

test("who writes a policy or a binding must be allowed to read the parameters", async () => {
  const rules = [{ apiGroups: ["admissionregistration.k8s.io"], resources: ["*"], verbs: ["*"] }];
  const cluster = "/apis/rbac.authorization.k8s.io/v1";
  await ask("POST", `${cluster}/clusterroles`, { body: { metadata: { name: "policies" }, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "policies" };
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "bob" }];
  await ask("POST", `${cluster}/clusterrolebindings`, { body: { metadata: { name: "policies" }, roleRef, subjects } });
  const spec = { paramKind: { apiVersion: "v1", kind: "Secret" }, validations: [{ expression: "params != null" }] };
  const headers = { "impersonate-user": "bob" };
  const made = await ask("POST", `${group}/validatingadmissionpolicies`, { body: policy(spec), headers });
  const kindWhy =
    'Forbidden: user bob must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)';
  assert.deepEqual([made.code, made.body.details.causes[0].message], [422, kindWhy]);
  await ask("POST", `${group}/validatingadmissionpolicies`, { body: policy(spec) });
  const paramRef = { name: "s", namespace: "default", parameterNotFoundAction: "Deny" };
  const tied = await ask("POST", `${group}/validatingadmissionpolicybindings`, {
    body: binding({ paramRef }),
    headers,
  });
  const refWhy = 'Forbidden: user bob does not have "get" permission on the object referenced by paramRef';
  assert.deepEqual([tied.code, tied.body.details.causes[0].message], [422, refWhy]);
  const path = `${group}/validatingadmissionpolicies/p`;
  const patch = await ask("PATCH", path, { type: mergeType, body: { spec: { failurePolicy: "Ignore" } }, headers });
  assert.equal(patch.code, 200, "what it was before needs no permission");
  await ask("DELETE", path);
});
