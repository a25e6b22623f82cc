import assert from "node:assert/strict";
import { test } from "node:test";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type Discovered,
} from "./discovery.ts";
import { deployments, namespaces, pods, services } from "./resource.ts";

const plain = { singular: "", shortNames: [], categories: [], status: true, subresources: [] };
const kinds: readonly Discovered[] = [
  { ...plain, ...services, singular: "service", shortNames: ["svc"], categories: ["all"] },
  { ...plain, ...pods, singular: "pod", subresources: ["log", "binding", "eviction"] },
  { ...plain, ...namespaces, singular: "namespace", subresources: ["finalize"] },
  { ...plain, ...deployments, singular: "deployment", subresources: ["scale"] },
];
const names = (list: { resources: readonly { name: string }[] } | undefined): string[] =>
  (list?.resources ?? []).map(({ name }) => name);

test("apiVersions() and apiGroupList() name what is served", () => {
  assert.deepEqual(apiVersions("a:1").versions, ["v1"]);
  const apps = { groupVersion: "apps/v1", version: "v1" };
  assert.deepEqual(apiGroupList(kinds).groups, [{ name: "apps", versions: [apps], preferredVersion: apps }]);
  assert.equal(apiGroup(kinds, "apps")?.kind, "APIGroup");
  assert.equal(apiGroup(kinds, "odd"), undefined);
});

test("apiResourceList() lists kinds by name, each with its subresources", () => {
  const list = apiResourceList(kinds, "", "v1");
  assert.deepEqual(names(list), [
    "namespaces",
    "namespaces/finalize",
    "namespaces/status",
    "pods",
    "pods/binding",
    "pods/eviction",
    "pods/log",
    "pods/status",
    "services",
    "services/status",
  ]);
  assert.equal(apiResourceList(kinds, "apps", "v2"), undefined);
});

test("apiResourceList() gives verbs, short names and the kinds of subresources", () => {
  const resources = [
    ...(apiResourceList(kinds, "", "v1")?.resources ?? []),
    ...(apiResourceList(kinds, "apps", "v1")?.resources ?? []),
  ];
  const named = (name: string) => resources.find((resource) => resource.name === name);
  assert.deepEqual(named("services"), {
    name: "services",
    singularName: "service",
    namespaced: true,
    kind: "Service",
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    shortNames: ["svc"],
    categories: ["all"],
  });
  assert.deepEqual(named("pods/eviction"), {
    name: "pods/eviction",
    singularName: "",
    namespaced: true,
    group: "policy",
    version: "v1",
    kind: "Eviction",
    verbs: ["create"],
  });
  assert.deepEqual(named("deployments/scale"), {
    name: "deployments/scale",
    singularName: "",
    namespaced: true,
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    verbs: ["get", "patch", "update"],
  });
  assert.deepEqual(named("services/status")?.kind, "Service");
});

test("aggregatedDiscovery() splits the core group from the named ones", () => {
  const core = aggregatedDiscovery(kinds, "core");
  assert.equal(core.apiVersion, "apidiscovery.k8s.io/v2");
  assert.deepEqual(
    core.items.map(({ versions }) => versions.map(({ version }) => version)),
    [["v1"]],
  );
  const [apps] = aggregatedDiscovery(kinds, "named").items;
  assert.equal(apps?.metadata.name, "apps");
  assert.deepEqual(apps?.versions[0]?.resources, [
    {
      resource: "deployments",
      responseKind: { group: "apps", version: "v1", kind: "Deployment" },
      scope: "Namespaced",
      singularResource: "deployment",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      subresources: [
        {
          subresource: "scale",
          responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
          verbs: ["get", "patch", "update"],
        },
        {
          subresource: "status",
          responseKind: { group: "apps", version: "v1", kind: "Deployment" },
          verbs: ["get", "patch", "update"],
        },
      ],
    },
  ]);
});
