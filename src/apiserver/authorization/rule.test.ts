import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attributes } from "./attributes.ts";
import { allows, compactRules, formatRule, type Rule, uncovered } from "./rule.ts";

const rule = (verbs: string, groups: string, resources: string, names = ""): Rule => ({
  verbs: verbs.split(" "),
  apiGroups: groups.split(" ").map((group) => (group === "core" ? "" : group)),
  resources: resources.split(" "),
  ...(names ? { resourceNames: names.split(" ") } : {}),
});
const urls = (verbs: string, paths: string): Rule => ({ verbs: verbs.split(" "), nonResourceURLs: paths.split(" ") });
/** "get apps deployments/scale web" */
const ask = (text: string): Attributes => {
  const [verb = "", group = "", what = "", name] = text.split(" ");
  if (group.startsWith("/")) return { verb, path: group };
  const [resource = "", subresource] = what.split("/");
  return { verb, group: group === "core" ? "" : group, resource, subresource, namespace: "default", name };
};

const pods = rule("get list", "core", "pods");
const cases: readonly { rule: Rule; yes: readonly string[]; no: readonly string[] }[] = [
  {
    rule: pods,
    yes: ["get core pods a", "list core pods"],
    no: ["watch core pods", "get core pods/log a", "get apps pods a", "get core services a", "get /api"],
  },
  {
    rule: rule("get", "core", "pods/log"),
    yes: ["get core pods/log a"],
    no: ["get core pods a", "get core pods/exec a"],
  },
  {
    rule: rule("*", "*", "*"),
    yes: ["delete apps deployments/scale a", "escalate rbac.authorization.k8s.io roles"],
    no: ["get /api"],
  },
  {
    rule: rule("update", "apps", "*/scale"),
    yes: ["update apps deployments/scale a"],
    no: ["update apps deployments a"],
  },
  {
    rule: rule("get list create", "core", "configmaps", "a b"),
    yes: ["get core configmaps a", "list core configmaps b"],
    no: ["get core configmaps c", "list core configmaps", "create core configmaps"],
  },
  {
    rule: urls("get", "/healthz /api/*"),
    yes: ["get /healthz", "get /api/v1", "get /api/"],
    no: ["get /healthz/ping", "post /healthz", "get /api", "get core pods a"],
  },
  { rule: urls("*", "*"), yes: ["put /anything"], no: ["get core pods a"] },
  { rule: { verbs: ["get"] }, yes: [], no: ["get core pods a", "get /api"] },
];
for (const { rule: given, yes, no } of cases) {
  test(`allows(): ${formatRule(given)}`, () => {
    for (const text of yes) assert.equal(allows(given, ask(text)), true, text);
    for (const text of no) assert.equal(allows(given, ask(text)), false, text);
  });
}

const all = rule("*", "*", "*");
const coverage: readonly { name: string; owned: Rule[]; wanted: Rule[]; missing: string[] }[] = [
  { name: "the same", owned: [pods], wanted: [pods], missing: [] },
  { name: "everything covers all resources", owned: [all], wanted: [pods, rule("bind", "x", "y/z", "n")], missing: [] },
  {
    name: "all verbs are more than each",
    owned: [pods],
    wanted: [rule("*", "core", "pods")],
    missing: ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
  },
  {
    name: "two rules together",
    owned: [rule("get", "core", "pods"), rule("list", "core", "pods services")],
    wanted: [pods],
    missing: [],
  },
  {
    name: "a named object is less than all",
    owned: [rule("get", "core", "secrets", "a")],
    wanted: [rule("get", "core", "secrets", "a b"), rule("get", "core", "secrets")],
    missing: [
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get"]}',
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    ],
  },
  { name: "the whole covers a part by name", owned: [pods], wanted: [rule("get", "core", "pods", "a")], missing: [] },
  {
    name: "an object does not cover its subresource",
    owned: [rule("get", "core", "pods")],
    wanted: [rule("get", "core", "pods/log")],
    missing: ['{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}'],
  },
  {
    name: "a subresource of everything",
    owned: [rule("get", "*", "*/scale")],
    wanted: [rule("get", "apps", "a/scale")],
    missing: [],
  },
  {
    name: "resources do not cover paths",
    owned: [all, urls("get", "/api/*")],
    wanted: [urls("get", "/api/v1 /metrics")],
    missing: ['{NonResourceURLs:["/metrics"], Verbs:["get"]}'],
  },
  {
    name: "what is missing is told by resource, with its verbs together",
    owned: [],
    wanted: [rule("get list", "core apps", "pods")],
    missing: [
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
      '{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "list"]}',
    ],
  },
];
for (const { name, owned, wanted, missing } of coverage) {
  test(`uncovered(): ${name}`, () => {
    assert.deepEqual(compactRules(uncovered(owned, wanted)).map(formatRule), missing);
  });
}
