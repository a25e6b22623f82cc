import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "./testing.ts";

const server = await startTestServer({ namespaces: ["default", "kube-system"] });
after(() => server.close());
const { ask } = server;

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const tabs = "/apis/stable.example.com/v1/namespaces/default/crontabs";
const mergeType = "application/merge-patch+json";
const applyType = "application/apply-patch+yaml";

const schema = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["cronSpec"],
      "x-kubernetes-validations": [
        { rule: "self.replicas <= self.maxReplicas", message: "replicas must not be above maxReplicas" },
        { rule: "!has(oldSelf.image) || has(self.image)", message: "image must stay" },
      ],
      properties: {
        cronSpec: { type: "string", pattern: "^\\S+( \\S+){4}$" },
        image: { type: "string", enum: ["a", "b"] },
        replicas: { type: "integer", minimum: 1, default: 1 },
        maxReplicas: { type: "integer", default: 10 },
        port: { "x-kubernetes-int-or-string": true },
        note: { type: "string", nullable: true },
        open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        steps: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: { type: "string" }, at: { type: "string", format: "date-time" } },
          },
        },
        source: {
          type: "object",
          properties: { git: { type: "string" }, url: { type: "string" } },
          oneOf: [{ required: ["git"] }, { required: ["url"] }],
        },
      },
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, selector: { type: "string" } } },
  },
};

const definition = (plural: string, more: object = {}, versions?: object[]) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.stable.example.com` },
  spec: {
    group: "stable.example.com",
    scope: "Namespaced",
    names: { plural, singular: "crontab", kind: "CronTab", shortNames: ["ct"], categories: ["all"] },
    versions: versions ?? [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        additionalPrinterColumns: [
          { name: "Spec", type: "string", jsonPath: ".spec.cronSpec" },
          { name: "Replicas", type: "integer", jsonPath: ".spec.replicas" },
          { name: "Second", type: "date", jsonPath: '.spec.steps[?(@.name=="two")].at', priority: 1 },
        ],
      },
    ],
    ...more,
  },
});

const tab = (name: string, spec: object) => ({
  apiVersion: "stable.example.com/v1",
  kind: "CronTab",
  metadata: { name },
  spec: { cronSpec: "* * * * *", ...spec },
});

const created = await ask("POST", definitions, { body: definition("crontabs") });

test("a definition is accepted and established, and its kind is served at once", async () => {
  assert.equal(created.code, 201, created.text);
  const { status, metadata } = created.body;
  assert.deepEqual(
    status.conditions.map((one: { type: string; status: string }) => `${one.type}=${one.status}`),
    ["NamesAccepted=True", "Established=True"],
  );
  assert.deepEqual([status.storedVersions, status.acceptedNames.listKind], [["v1"], "CronTabList"]);
  assert.deepEqual(metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
  const list = await ask("GET", tabs);
  assert.deepEqual([list.code, list.body.kind, list.body.items], [200, "CronTabList", []]);
});

test("discovery and OpenAPI have the kind", async () => {
  const { body } = await ask("GET", "/apis/stable.example.com/v1");
  const [own] = body.resources;
  assert.deepEqual([own.name, own.kind, own.shortNames, own.categories], ["crontabs", "CronTab", ["ct"], ["all"]]);
  assert.deepEqual(
    body.resources.map((one: { name: string }) => one.name),
    ["crontabs", "crontabs/scale", "crontabs/status"],
  );
  const v3 = await ask("GET", "/openapi/v3/apis/stable.example.com/v1");
  const found = v3.body.components.schemas["com.example.stable.v1.CronTab"];
  assert.equal(found.properties.spec.properties.replicas.minimum, 1);
  assert.deepEqual(found["x-kubernetes-group-version-kind"], [
    { group: "stable.example.com", version: "v1", kind: "CronTab" },
  ]);
  const v2 = await ask("GET", "/openapi/v2");
  assert.equal(v2.body.definitions["com.example.stable.v1.CronTab"].properties.spec.properties.source.oneOf, undefined);
});

test("defaults are filled in, unknown fields pruned, warned of or refused, generation counts", async () => {
  const body = tab("one", { odd: 1, open: { kept: { deep: [1] } }, port: "http", note: null });
  const strict = await ask("POST", `${tabs}?fieldValidation=Strict`, { body });
  assert.match(strict.body.message, /strict decoding error: unknown field "spec\.odd"$/);
  const { code, body: made, headers } = await ask("POST", tabs, { body: { ...body, status: { replicas: 9 } } });
  assert.equal(code, 201);
  assert.equal(headers.warning, '299 - "unknown field \\"spec.odd\\""');
  assert.deepEqual(made.spec, {
    cronSpec: "* * * * *",
    open: { kept: { deep: [1] } },
    port: "http",
    note: null,
    replicas: 1,
    maxReplicas: 10,
  });
  assert.deepEqual([made.status, made.metadata.generation], [undefined, 1]);
  const type = mergeType;
  const next = await ask("PATCH", `${tabs}/one`, { body: { spec: { replicas: 2 } }, type });
  assert.deepEqual([next.body.metadata.generation, next.body.spec.replicas], [2, 2]);
  const status = await ask("PATCH", `${tabs}/one/status`, { body: { status: { replicas: 2, selector: "a=b" } }, type });
  assert.deepEqual([status.body.metadata.generation, status.body.status.replicas], [2, 2]);
  const strategic = await ask("PATCH", `${tabs}/one`, { body: {}, type: "application/strategic-merge-patch+json" });
  assert.equal(strategic.code, 415);
});

test("faults have the words of Kubernetes", async () => {
  const rows: [spec: object, message: RegExp][] = [
    [
      { cronSpec: 5 },
      /spec\.cronSpec: Invalid value: "integer": spec\.cronSpec in body must be of type string: "integer"/,
    ],
    [{ cronSpec: undefined }, /spec\.cronSpec: Required value/],
    [
      { cronSpec: "x" },
      /spec\.cronSpec: Invalid value: "x": spec\.cronSpec in body should match '\^\\S\+\( \\S\+\)\{4\}\$'/,
    ],
    [{ image: "c" }, /spec\.image: Unsupported value: "c": supported values: "a", "b"/],
    [{ replicas: 0 }, /spec\.replicas: Invalid value: 0: spec\.replicas in body should be greater than or equal to 1/],
    [{ replicas: 11 }, /spec: Invalid value: replicas must not be above maxReplicas$/],
    [{ port: true }, /spec\.port in body must be of type integer,string: "boolean"/],
    [{ steps: [{ name: "a" }, { name: "a" }] }, /spec\.steps\[1\]: Duplicate value: \{"name":"a"\}/],
    [{ steps: [{ name: "a", at: "noon" }] }, /spec\.steps\[0\]\.at in body must be of type date-time: "noon"/],
    [
      { source: { git: "x", url: "y" } },
      /"spec\.source" must validate one and only one schema \(oneOf\)\. Found 2 valid/,
    ],
  ];
  for (const [spec, message] of rows) {
    const { code, body } = await ask("POST", tabs, { body: tab("bad", spec) });
    assert.equal(code, 422, JSON.stringify(spec));
    assert.match(body.message, /^CronTab\.stable\.example\.com "bad" is invalid: /);
    assert.match(body.message, message);
    // Rules are tested on what the schema accepts only.
    const untested = "some validation rules were not checked because the object was invalid";
    assert.equal(body.message.includes(untested), !/must not be above/.test(body.message));
  }
});

test("rules of change see the value before", async () => {
  await ask("POST", tabs, { body: tab("changing", { image: "a" }) });
  const type = mergeType;
  const gone = await ask("PATCH", `${tabs}/changing`, { body: { spec: { image: null } }, type });
  assert.deepEqual([gone.code, /image must stay$/.test(gone.body.message)], [422, true]);
  assert.equal((await ask("PATCH", `${tabs}/changing`, { body: { spec: { image: "b" } }, type })).code, 200);
});

test("server-side apply merges lists by their keys, and others' fields stay", async () => {
  const type = applyType;
  const first = tab("applied", { steps: [{ name: "one" }] });
  assert.equal((await ask("PATCH", `${tabs}/applied?fieldManager=a`, { body: first, type })).code, 201);
  const second = { ...first, spec: { steps: [{ name: "two", at: "2026-01-01T00:00:00Z" }], open: { x: 1 } } };
  const { code, body } = await ask("PATCH", `${tabs}/applied?fieldManager=b`, { body: second, type });
  assert.equal(code, 200, JSON.stringify(body));
  assert.deepEqual(
    body.spec.steps.map((step: { name: string }) => step.name),
    ["one", "two"],
  );
  const conflict = await ask("PATCH", `${tabs}/applied?fieldManager=b`, {
    body: tab("applied", { cronSpec: "1 1 1 1 1" }),
    type,
  });
  assert.deepEqual([conflict.code, /conflict with "a".*\.spec\.cronSpec/.test(conflict.body.message)], [409, true]);
});

test("scale reads and writes the paths of the definition", async () => {
  const scale = await ask("GET", `${tabs}/one/scale`);
  assert.deepEqual([scale.body.spec, scale.body.status], [{ replicas: 2 }, { replicas: 2, selector: "a=b" }]);
  const type = mergeType;
  const written = await ask("PATCH", `${tabs}/one/scale`, { body: { spec: { replicas: 3 } }, type });
  assert.deepEqual([written.code, written.body.spec.replicas], [200, 3]);
  assert.equal((await ask("GET", `${tabs}/one`)).body.spec.replicas, 3);
});

test("tables have the columns of the definition", async () => {
  const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
  const { body } = await ask("GET", tabs, { accept });
  assert.deepEqual(
    body.columnDefinitions.map((one: { name: string; priority: number }) => [one.name, one.priority]),
    [
      ["Name", 0],
      ["Spec", 0],
      ["Replicas", 0],
      ["Second", 1],
    ],
  );
  const row = body.rows.find((one: { cells: unknown[] }) => one.cells[0] === "one");
  assert.deepEqual(row.cells, ["one", "* * * * *", 3, null]);
});

test("definitions that cannot be are refused with one sentence", async () => {
  const version = (openAPIV3Schema: object) => [
    { name: "v1", served: true, storage: true, schema: { openAPIV3Schema } },
  ];
  const at = "spec.versions[0].schema.openAPIV3Schema";
  const names = { plural: "bads", kind: "Bad" };
  const rows: [schema: object, message: string][] = [
    [
      { type: "object", properties: { a: {} } },
      `${at}.properties[a].type: Required value: must not be empty for specified object fields`,
    ],
    [
      { type: "object", properties: { a: { type: "array" } } },
      `${at}.properties[a].items: Required value: must be specified`,
    ],
    [
      { type: "object", properties: { a: { type: "integer", default: "x" } } },
      `${at}.properties[a].default: Invalid value: "string"`,
    ],
    [
      { type: "object", "x-kubernetes-validations": [{ rule: "self.(" }] },
      `${at}.x-kubernetes-validations[0].rule: Invalid value: "self.(": compilation failed`,
    ],
  ];
  for (const [openAPIV3Schema, message] of rows) {
    const { code, body } = await ask("POST", definitions, {
      body: definition("bads", { names }, version(openAPIV3Schema)),
    });
    assert.deepEqual([code, body.message.includes(message)], [422, true], body.message);
  }
  const warned = await ask("POST", `${definitions}?dryRun=All`, {
    body: definition(
      "bads",
      { names },
      version({ type: "object", "x-kubernetes-validations": [{ rule: "odd(self)" }] }),
    ),
  });
  assert.deepEqual([warned.code, /this rule is not checked here/.test(String(warned.headers.warning))], [201, true]);
});

test("a definition whose names are taken is not established", async () => {
  const { code, body } = await ask("POST", definitions, { body: definition("others") });
  assert.equal(code, 201);
  assert.deepEqual(
    body.status.conditions.map((one: { reason: string }) => one.reason),
    ["NameConflict", "NotAccepted"],
  );
  assert.equal((await ask("GET", "/apis/stable.example.com/v1/namespaces/default/others")).code, 404);
});

test("several versions show one object; the preferred version is first in discovery", async () => {
  const version = (name: string, storage: boolean) => ({
    name,
    storage,
    served: true,
    schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
  });
  const names = { plural: "gears", kind: "Gear" };
  const body = definition("gears", { names, group: "gear.example.com", scope: "Cluster" }, [
    version("v1beta1", true),
    version("v1", false),
  ]);
  body.metadata.name = "gears.gear.example.com";
  assert.equal((await ask("POST", definitions, { body })).code, 201);
  const path = (name: string): string => `/apis/gear.example.com/${name}/gears`;
  const events = await server.watch(`${path("v1beta1")}?watch=true`);
  const made = await ask("POST", path("v1"), {
    body: { apiVersion: "gear.example.com/v1", kind: "Gear", metadata: { name: "g" }, teeth: 12 },
  });
  assert.deepEqual([made.code, made.body.apiVersion], [201, "gear.example.com/v1"]);
  const [event] = await events.next(1);
  events.close();
  assert.deepEqual([event.object.apiVersion, event.object.teeth], ["gear.example.com/v1beta1", 12]);
  for (const name of ["v1", "v1beta1"]) {
    assert.equal((await ask("GET", `${path(name)}/g`)).body.apiVersion, `gear.example.com/${name}`);
    assert.equal((await ask("GET", path(name))).body.items[0].apiVersion, `gear.example.com/${name}`);
  }
  const group = await ask("GET", "/apis/gear.example.com");
  assert.equal(group.body.preferredVersion.version, "v1");
  const patched = await ask("PATCH", `${path("v1")}/g`, { body: { teeth: 13 }, type: mergeType });
  assert.deepEqual(
    [patched.body.apiVersion, patched.body.teeth, patched.body.metadata.generation],
    ["gear.example.com/v1", 13, 2],
  );
});

test("deletion of a definition removes its objects first, and then its kind", async () => {
  const held = { ...tab("held", {}), metadata: { name: "held", finalizers: ["example.com/hold"] } };
  await ask("POST", tabs, { body: held });
  const deleted = await ask("DELETE", `${definitions}/crontabs.stable.example.com`);
  assert.equal(deleted.code, 200);
  const deadline = Date.now() + 5000;
  const left = async (): Promise<string[]> =>
    ((await ask("GET", tabs)).body.items ?? []).map((one: { metadata: { name: string } }) => one.metadata.name);
  while ((await left()).length > 1 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(await left(), ["held"]);
  const refused = await ask("POST", tabs, { body: tab("late", {}) });
  assert.deepEqual([refused.code, /is terminating$/.test(refused.body.message)], [405, true]);
  await ask("PATCH", `${tabs}/held`, { body: { metadata: { finalizers: null } }, type: mergeType });
  while ((await ask("GET", tabs)).code !== 404 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await ask("GET", `${definitions}/crontabs.stable.example.com`)).code, 404);
  const { body } = await ask("GET", "/apis");
  assert.ok(!body.groups.some((group: { name: string }) => group.name === "stable.example.com"));
});

test("embedded resources say what they are; a rule's reason decides the words", async () => {
  const embedded = {
    type: "object",
    "x-kubernetes-embedded-resource": true,
    "x-kubernetes-preserve-unknown-fields": true,
  };
  const rules = [
    { rule: "self.size >= oldSelf.size", message: "only grows", reason: "FieldValueForbidden", fieldPath: ".size" },
  ];
  const schema = {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          size: { type: "integer" },
          inner: embedded,
          counts: { type: "object", additionalProperties: { type: "integer" } },
        },
        "x-kubernetes-validations": rules,
      },
    },
  };
  const body = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "gadgets.example.net" },
    spec: {
      group: "example.net",
      scope: "Namespaced",
      names: { plural: "gadgets", kind: "Gadget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  assert.equal((await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body })).code, 201);
  const path = "/apis/example.net/v1/namespaces/default/gadgets";
  const gadget = (spec: object) => ({ apiVersion: "example.net/v1", kind: "Gadget", metadata: { name: "one" }, spec });
  const faults = async (spec: object): Promise<string> =>
    (await ask("POST", path, { body: gadget(spec) })).body.message;
  assert.match(
    await faults({ inner: { a: 1 } }),
    /spec\.inner\.apiVersion: Required value, spec\.inner\.kind: Required value/,
  );
  assert.match(await faults({ counts: { a: "x" } }), /spec\.counts\.a in body must be of type integer: "string"/);
  assert.equal((await ask("POST", path, { body: gadget({ size: 2 }) })).code, 201);
  const type = "application/merge-patch+json";
  const shrunk = await ask("PATCH", `${path}/one`, { type, body: { spec: { size: 1 } } });
  assert.equal(shrunk.body.message, 'Gadget.example.net "one" is invalid: spec.size: Forbidden: only grows');
});
