import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFieldSelector, demandedValue, matchesFields, parseFieldSelector } from "./field-selectors.ts";
import { formatLabelSelector, labelSelectorOf, matches, parseLabelSelector } from "./selectors.ts";
import { ApiFault } from "./status.ts";

const labels = { app: "web", tier: "front", n: "5" };

const matching: readonly (readonly [selector: string, want: boolean])[] = [
  ["", true],
  ["app=web", true],
  ["app==web", true],
  ["app = web , tier = front", true],
  ["app=web,tier=back", false],
  ["app!=web", false],
  ["absent!=web", true],
  ["app in (web, db)", true],
  ["app in (db)", false],
  ["app notin (db,cache)", true],
  ["absent notin (db)", true],
  ["app", true],
  ["!app", false],
  ["!absent", true],
  ["n>4", true],
  ["n<5", false],
  ["app>1", false],
  ["app=", false],
  ["app in (,web)", true],
  ["in in (in)", false],
];

for (const [selector, want] of matching) {
  test(`matches(${JSON.stringify(selector)}) is ${want}`, () =>
    assert.equal(matches(parseLabelSelector(selector), labels), want));
}

const broken: readonly (readonly [selector: string, message: RegExp])[] = [
  ["app in", /^unable to parse requirement: found '' expected: '\('$/],
  ["app in (web", /^unable to parse requirement: found '', expected: ',' or '\)'$/],
  ["app in (=)", /^unable to parse requirement: found '=', expected: ',', or identifier$/],
  ["app==,=x", /^found '=', expected: identifier after ','$/],
  ["app web", /^unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt$/],
  ["app=web,", /^found '', expected: identifier after ','$/],
  ["app=web x", /^found 'x', expected: ',' or 'end of string'$/],
  [",app", /^found ',', expected: !, identifier, or 'end of string'$/],
  ["!app=web", /^found '=', expected: ',' or 'end of string'$/],
  ["!", /^unable to parse requirement: found '', expected: identifier$/],
  ["a/b/c=x", /^unable to parse requirement: key: Invalid value: "a\/b\/c": a valid label key must consist of/],
  ["app=-x", /^unable to parse requirement: values\[0\]\[app\]: Invalid value: "-x": a valid label must be/],
  ["/a=-x", /^unable to parse requirement: \[key: Invalid value: "\/a": prefix part must be non-empty, values/],
  ["n>x", /the value must be an integer$/],
];

for (const [selector, message] of broken) {
  test(`parseLabelSelector(${JSON.stringify(selector)}) answers with 400`, () => {
    assert.throws(
      () => parseLabelSelector(selector),
      (error) => error instanceof ApiFault && error.status.code === 400 && message.test(error.message),
    );
  });
}

test("labelSelectorOf() joins labels and expressions; an absent selector matches nothing, an empty one everything", () => {
  const selector = labelSelectorOf({
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["b", "front"] },
      { key: "old", operator: "DoesNotExist" },
    ],
  });
  assert.equal(matches(selector, labels), true);
  assert.equal(formatLabelSelector(selector), "app=web,!old,tier in (b,front)");
  assert.equal(matches(labelSelectorOf(undefined), {}), false);
  assert.equal(matches(labelSelectorOf({}), undefined), true);
  assert.throws(
    () => labelSelectorOf({ matchExpressions: [{ key: "a", operator: "Like" }] }),
    /"Like" is not a valid label selector operator/,
  );
});

const kind = { namespaced: true, fieldSelectors: { "status.phase": () => "Running" } };
const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a,b", namespace: "default" } };

const fields: readonly (readonly [selector: string, want: boolean])[] = [
  ["", true],
  ["metadata.name=a\\,b", true],
  ["metadata.name==x", false],
  ["metadata.namespace!=other,status.phase=Running", true],
  ["status.phase!=Running", false],
];

for (const [selector, want] of fields) {
  test(`matchesFields(${JSON.stringify(selector)}) is ${want}`, () =>
    assert.equal(matchesFields(parseFieldSelector(selector), kind, pod), want));
}

test("field selectors name their faults", () => {
  assert.throws(() => parseFieldSelector("a"), /^Error: invalid selector: 'a'; can't understand 'a'$/);
  assert.throws(
    () => checkFieldSelector(parseFieldSelector("spec.x=1"), kind),
    /^Error: field label not supported: spec.x$/,
  );
  assert.doesNotThrow(() => checkFieldSelector(parseFieldSelector("status.phase=1,metadata.name=2"), kind));
  assert.equal(demandedValue(parseFieldSelector("metadata.name!=a,metadata.name=b"), "metadata.name"), "b");
});
