import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";
import { chooseDefault } from "./ingress-hook.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;

const group = "/apis/networking.k8s.io/v1";
const addClass = (name: string, isDefault: string) =>
  ask("POST", `${group}/ingressclasses`, {
    body: {
      metadata: { name, annotations: { "ingressclass.kubernetes.io/is-default-class": isDefault } },
      spec: { controller: "example.com/c" },
    },
  });
const classOf = async (name: string, { spec = {}, annotations = {} } = {}): Promise<string | undefined> => {
  const defaultBackend = { service: { name: "web", port: { number: 80 } } };
  const body = { metadata: { name, annotations }, spec: { defaultBackend, ...spec } };
  const made = await ask("POST", `${group}/namespaces/default/ingresses`, { body });
  assert.equal(made.code, 201, made.text);
  return made.body.spec.ingressClassName;
};

test("an Ingress that names no class gets the default one", async () => {
  await addClass("other", "false");
  assert.equal(await classOf("before"), undefined);
  await addClass("usual", "true");
  assert.equal(await classOf("plain"), "usual");
  assert.equal(await classOf("named", { spec: { ingressClassName: "other" } }), "other");
  assert.equal(await classOf("old", { annotations: { "kubernetes.io/ingress.class": "other" } }), undefined);
});

test("chooseDefault(): the newest, then by name", () => {
  const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
  assert.equal(chooseDefault([]), undefined);
  assert.equal(
    chooseDefault([
      { name: "a", created: early },
      { name: "b", created: late },
    ]),
    "b",
  );
  assert.equal(
    chooseDefault([
      { name: "b", created: late },
      { name: "a", created: late },
    ]),
    "a",
  );
});
