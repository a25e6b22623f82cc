import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/object.ts";
import type { Informers } from "./informers.ts";
import { servicesTouched } from "./service-pods.ts";
import { type PodInput, pod, service } from "./testing/objects.ts";

const web = service("web");
const other = service("other");
const all = [web, other];
const informers = {
  services: { byIndex: (_: string, pair: string) => all.filter(({ spec }) => pair === `ns/app=${spec.selector?.app}`) },
} as unknown as Informers;

const before: PodInput = { ip: "10.244.0.1", labels: { app: "web" } };
const touched = (after: PodInput, change: (object: Pod) => Pod = (object) => object) =>
  servicesTouched(
    { type: "updated", object: change(pod("p", { ...before, ...after })), old: pod("p", before) },
    informers,
  );

const cases: [string, PodInput, string[]][] = [
  ["readiness", { ready: false }, ["ns/web"]],
  ["deletion", { terminating: true }, ["ns/web"]],
  ["addresses", { ip: "10.244.0.2" }, ["ns/web"]],
  ["host name", { spec: { hostname: "h" } }, ["ns/web"]],
  ["labels that no Service asks for", { labels: { app: "web", tier: "x" } }, []],
  ["the label of another Service: both", { labels: { app: "other" } }, ["ns/other", "ns/web"]],
  ["a phase that ends it, which is told at once", { phase: "Succeeded" }, ["ns/web"]],
  ["nothing", {}, []],
];
for (const [name, after, want] of cases)
  test(`E40 a Pod's change touches the Services that show it: ${name}`, () =>
    assert.deepEqual(touched(after).sort(), want));

test("E40 what no endpoint shows touches none", () => {
  const annotated = (object: Pod): Pod => ({ ...object, metadata: { ...object.metadata, annotations: { a: "b" } } });
  assert.deepEqual(touched({}, annotated), []);
});
