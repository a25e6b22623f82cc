import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { ApiFault } from "../status.ts";
import { applyObject, updateManagedFields, type Write } from "./apply.ts";
import { formatPaths } from "./field-set.ts";
import { parseManagedFields } from "./managed-fields.ts";

type Loose = KubeObject & { spec?: JsonObject; status?: JsonObject };

const start = "2026-01-01T00:00:00Z";
const by = (manager: string, more: Partial<Write> & { force?: boolean } = {}) => ({
  schema: "io.k8s.api.core.v1.Service",
  manager,
  apiVersion: "v1",
  time: start,
  hasStatus: true,
  ...more,
});

const service = (spec: JsonObject, metadata: JsonObject = {}): JsonObject & KubeObject & { spec: JsonObject } => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", ...metadata },
  spec,
});

/** Owner → its paths, as text. */
function owners(object: KubeObject): Record<string, string[]> {
  const entries = parseManagedFields(object.metadata.managedFields);
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fields }) => [
      [manager, operation, subresource].filter(Boolean).join(" "),
      formatPaths(fields),
    ]),
  );
}

function created(spec: JsonObject, write: Write, metadata: JsonObject = {}): Loose {
  const object = service(spec, { uid: "1", ...metadata });
  return { ...object, metadata: { ...object.metadata, managedFields: updateManagedFields(undefined, object, write) } };
}

function updated(old: Loose, next: Loose, write: Write): Loose {
  return { ...next, metadata: { ...next.metadata, managedFields: updateManagedFields(old, next, write) } };
}

const applied = (live: KubeObject | undefined, config: JsonObject, write: Write & { force?: boolean }): Loose =>
  applyObject(live, config, write);

const http = { name: "http", port: 80, protocol: "TCP" };

test("updateManagedFields() gives a creator what it wrote, and no one the identity", () => {
  const object = created({ ports: [http], selector: { a: "b" } }, by("kubectl-create"), { labels: { x: "y" } });
  assert.deepEqual(owners(object), {
    "kubectl-create Update": [
      ".metadata.labels",
      ".metadata.labels.x",
      ".spec.ports",
      '.spec.ports[port=80,protocol="TCP"]',
      '.spec.ports[port=80,protocol="TCP"].name',
      '.spec.ports[port=80,protocol="TCP"].port',
      '.spec.ports[port=80,protocol="TCP"].protocol',
      ".spec.selector",
    ],
  });
});

test("updateManagedFields() writes fieldsV1 as other clients read it", () => {
  const object = created({ ports: [http] }, by("kubectl-create"));
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: "kubectl-create",
      operation: "Update",
      apiVersion: "v1",
      time: start,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:ports": {
            ".": {},
            'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {}, "f:protocol": {} },
          },
        },
      },
    },
  ]);
});

test("updateManagedFields() moves a changed field to who changed it, and forgets a removed one", () => {
  const old = created({ type: "ClusterIP", sessionAffinity: "None" }, by("a"));
  const next = updated(old, { ...old, spec: { type: "NodePort" } }, by("b", { time: "2026-01-02T00:00:00Z" }));
  assert.deepEqual(owners(next), { "b Update": [".spec.type"] });
});

test("updateManagedFields() keeps the time of an owner whose fields stay", () => {
  const old = created({ type: "ClusterIP" }, by("a"));
  const next = updated(old, { ...old, spec: { type: "NodePort" } }, by("a", { time: "2026-01-02T00:00:00Z" }));
  assert.equal(next.metadata.managedFields?.[0]?.time, start);
  const more = updated(
    next,
    { ...next, spec: { type: "NodePort", sessionAffinity: "None" } },
    by("a", { time: "2026-01-03T00:00:00Z" }),
  );
  assert.equal(more.metadata.managedFields?.[0]?.time, "2026-01-03T00:00:00Z");
});

test("updateManagedFields() tells status apart", () => {
  const old = created({ type: "LoadBalancer" }, by("a"));
  const next = updated(
    old,
    { ...old, status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } } },
    by("lb", { subresource: "status" }),
  );
  assert.deepEqual(owners(next), {
    "a Update": [".spec.type"],
    "lb Update status": [".status.loadBalancer.ingress"],
  });
});

test("updateManagedFields() takes [{}] as a reset, and nothing as no change of owners", () => {
  const old = created({ type: "ClusterIP" }, by("a"));
  const { managedFields: _, ...metadata } = old.metadata;
  assert.deepEqual(owners(updated(old, { ...old, metadata }, by("b"))), owners(old));
  assert.deepEqual(
    updated(old, { ...old, metadata: { ...metadata, managedFields: [{}] } }, by("b")).metadata.managedFields,
    [],
  );
});

test("updateManagedFields() joins the oldest updates when there are more than ten", () => {
  let object = created({}, by("m0"), { labels: { l0: "x" } });
  for (let index = 1; index < 14; index++) {
    const labels = { ...object.metadata.labels, [`l${index}`]: "x" };
    object = updated(
      object,
      { ...object, metadata: { ...object.metadata, labels } },
      by(`m${index}`, { time: `2026-01-01T00:00:${10 + index}Z` }),
    );
  }
  const found = owners(object);
  assert.equal(Object.keys(found).length, 10);
  assert.deepEqual(found["ancient-changes Update"]?.slice(0, 3), [
    ".metadata.labels",
    ".metadata.labels.l0",
    ".metadata.labels.l1",
  ]);
});

test("applyObject() creates, and owns leaves and items only", () => {
  const object = applied(undefined, service({ ports: [http] }, { labels: { a: "b" } }), by("me"));
  assert.deepEqual(object.spec, { ports: [http] });
  assert.deepEqual(owners(object), {
    "me Apply": [
      ".metadata.labels.a",
      '.spec.ports[port=80,protocol="TCP"]',
      '.spec.ports[port=80,protocol="TCP"].name',
      '.spec.ports[port=80,protocol="TCP"].port',
      '.spec.ports[port=80,protocol="TCP"].protocol',
    ],
  });
});

test("applyObject() after a create shares equal fields and reports changed ones", () => {
  const live = created({ type: "ClusterIP", sessionAffinity: "None" }, by("kubectl-create"));
  const shared = applied(live, service({ type: "ClusterIP" }), by("me"));
  assert.deepEqual(owners(shared), {
    "me Apply": [".spec.type"],
    "kubectl-create Update": [".spec.sessionAffinity", ".spec.type"],
  });
  assert.throws(
    () => applied(live, service({ type: "NodePort" }), by("me")),
    (error) => {
      assert.ok(error instanceof ApiFault);
      assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .spec.type');
      assert.equal(error.status.code, 409);
      assert.deepEqual(error.status.details?.causes, [
        { reason: "FieldManagerConflict", message: 'conflict with "kubectl-create" using v1', field: ".spec.type" },
      ]);
      return true;
    },
  );
});

test("applyObject() lists conflicts by owner", () => {
  const live = applied(created({ type: "ClusterIP" }, by("a")), service({ sessionAffinity: "None" }), by("b"));
  assert.throws(() => applied(live, service({ type: "NodePort", sessionAffinity: "ClientIP" }), by("me")), {
    message:
      'Apply failed with 2 conflicts: conflicts with "a" using v1:\n- .spec.type\nconflicts with "b":\n- .spec.sessionAffinity',
  });
});

test("applyObject() with force takes fields over", () => {
  const live = created({ type: "ClusterIP" }, by("a"));
  const object = applied(live, service({ type: "NodePort" }), by("me", { force: true }));
  assert.deepEqual(object.spec, { type: "NodePort" });
  assert.deepEqual(owners(object), { "me Apply": [".spec.type"] });
});

test("applyObject() removes what its owner gives up, unless another owns it", () => {
  const first = applied(
    undefined,
    service({ type: "ClusterIP", sessionAffinity: "None", ports: [http, { port: 81 }] }),
    by("me"),
  );
  const second = applied(first, service({ sessionAffinity: "None" }), by("other"));
  const third = applied(second, service({ ports: [http] }), by("me"));
  assert.deepEqual(third.spec, { sessionAffinity: "None", ports: [http] });
});

test("applyObject() removes an item with the fields that others did not set", () => {
  const first = applied(undefined, service({ ports: [http, { port: 81 }] }), by("me"));
  const allocated = { ...first, spec: { ports: [http, { port: 81, nodePort: 30081 }], clusterIP: "10.96.0.5" } };
  const second = applied(allocated, service({ ports: [http] }), by("me"));
  assert.deepEqual(second.spec, { ports: [http], clusterIP: "10.96.0.5" });
});

test("applyObject() merges keyed lists, a missing protocol standing for TCP", () => {
  const live = created(
    {
      ports: [
        { ...http, nodePort: 30080 },
        { port: 53, protocol: "UDP" },
      ],
    },
    by("a"),
  );
  const object = applied(live, service({ ports: [{ port: 80, name: "http" }, { port: 90 }] }), by("me"));
  assert.deepEqual(object.spec?.ports, [{ ...http, nodePort: 30080 }, { port: 53, protocol: "UDP" }, { port: 90 }]);
});

test("applyObject() replaces atomic maps and lists as a whole", () => {
  const live = applied(undefined, service({ selector: { a: "b", c: "d" }, externalIPs: ["192.0.2.1"] }), by("me"));
  const object = applied(live, service({ selector: { a: "x" }, externalIPs: ["192.0.2.2"] }), by("me"));
  assert.deepEqual(object.spec, { selector: { a: "x" }, externalIPs: ["192.0.2.2"] });
});

test("applyObject() changes nothing when the same is applied again", () => {
  const config = service({ ports: [http], selector: { a: "b" } }, { labels: { a: "b" } });
  const first = applied(undefined, config, by("me"));
  assert.deepEqual(applied(first, config, by("me", { time: "2026-02-01T00:00:00Z" })), first);
});

test("applyObject() by kubectl takes over what client-side apply wrote, and keeps its annotation", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const config = service({ type: "ClusterIP" });
  const live = created({ type: "ClusterIP", sessionAffinity: "None" }, by("kubectl-client-side-apply"), {
    annotations: { [annotation]: JSON.stringify(config) },
  });
  const object = applied(live, service({ type: "NodePort" }), by("kubectl"));
  assert.equal(object.spec?.type, "NodePort");
  assert.equal(JSON.parse(object.metadata.annotations?.[annotation] ?? "").spec.type, "NodePort");
  assert.throws(
    () => applied(live, service({ sessionAffinity: "ClientIP" }), by("kubectl")),
    /\.spec\.sessionAffinity$/,
  );
  assert.throws(() => applied(live, service({ type: "NodePort" }), by("other")), /\.spec\.type$/);
});

test("applyObject() gives the fields of an object without owners to before-first-apply", () => {
  const live = service({ type: "ClusterIP" }, { uid: "1" });
  assert.throws(
    () => applied(live, service({ type: "NodePort" }), by("me")),
    /conflict with "before-first-apply" using v1: \.spec\.type$/,
  );
});

test("applyObject() owns no status, nor the status subresource a spec", () => {
  const config = { ...service({ type: "LoadBalancer" }), status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
  assert.deepEqual(owners(applied(undefined, config, by("me"))), { "me Apply": [".spec.type"] });
  const live = applied(undefined, service({ type: "LoadBalancer" }), by("me"));
  assert.deepEqual(owners(applied(live, config, by("lb", { subresource: "status" })))["lb Apply status"], [
    ".status.loadBalancer.ingress",
  ]);
});

test("applyObject() leaves live items with equal keys alone", () => {
  const node = by("me", { schema: "io.k8s.api.core.v1.Node", subresource: "status" });
  const addresses = [
    { type: "InternalIP", address: "10.0.0.1" },
    { type: "InternalIP", address: "fd00::1" },
  ];
  const live = { apiVersion: "v1", kind: "Node", metadata: { name: "n", uid: "1" }, status: { addresses } };
  const config = { ...live, status: { addresses: [{ type: "Hostname", address: "n" }] } };
  const object = applied(live, config, node);
  assert.deepEqual(object.status?.addresses, [...addresses, { type: "Hostname", address: "n" }]);
});

test("applyObject() refuses an item without its key, and two items with one key", () => {
  assert.throws(
    () => applied(undefined, service({ ports: [{ name: "x" }] }), by("me")),
    /^Error: \.spec\.ports: element 0: associative list with keys has an element that omits key field "port"$/,
  );
  const twice = service({ ports: [{ port: 80 }, { port: 80, protocol: "TCP" }] });
  assert.throws(
    () => applied(undefined, twice, by("me")),
    /^Error: \.spec\.ports: duplicate entries for key \[port=80,protocol="TCP"\]$/,
  );
});

test("applyObject() keeps metadata when its last owned field is given up", () => {
  const live = applied(undefined, service({ type: "ClusterIP" }, { annotations: { a: "b" } }), by("me"));
  const next = applied(live, service({ type: "ClusterIP" }), by("me"));
  assert.deepEqual([next.metadata.name, next.metadata.annotations], ["web", undefined]);
});
