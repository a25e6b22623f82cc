import assert from "node:assert/strict";
import { test } from "node:test";
import * as names from "./names.ts";

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const qualifiedRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const dns1035Rule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

type Check = (value: string) => string[];
const prefix =
  (check: (value: string, isPrefix: boolean) => string[]): Check =>
  (value) =>
    check(value, true);

const cases: readonly (readonly [check: Check, value: string, faults: readonly string[]])[] = [
  [names.checkDnsLabel, "web-1", []],
  [names.checkDnsLabel, "1", []],
  [names.checkDnsLabel, "", [labelRule]],
  [names.checkDnsLabel, "Web", [labelRule]],
  [names.checkDnsLabel, "a.b", ["must not contain dots"]],
  [names.checkDnsLabel, "a".repeat(64), ["must be no more than 63 characters"]],
  [names.checkDnsLabel, "web-", [labelRule]],
  [prefix(names.checkDnsLabel), "web-", []],
  [names.checkDnsSubdomain, "a.b-c.d", []],
  [names.checkDnsSubdomain, "a..b", [subdomainRule]],
  [names.checkDnsSubdomain, "a".repeat(253), []],
  [names.checkDnsSubdomain, "a".repeat(254), ["must be no more than 253 characters"]],
  [names.checkDns1035Label, "web", []],
  [names.checkDns1035Label, "1web", [dns1035Rule]],
  [names.checkQualifiedName, "example.com/MyName", []],
  [names.checkQualifiedName, "a_b", []],
  [names.checkQualifiedName, "/x", ["prefix part must be non-empty"]],
  [names.checkQualifiedName, "x/", ["name part must be non-empty", `name part ${qualifiedRule}`]],
  [names.checkQualifiedName, "a b", [`name part ${qualifiedRule}`]],
  [names.checkQualifiedName, "A/x", [`prefix part ${subdomainRule}`]],
  [
    names.checkQualifiedName,
    "a/b/c",
    [`a valid label key ${qualifiedRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`],
  ],
  [names.checkLabelValue, "", []],
  [names.checkLabelValue, "a_B.c", []],
  [names.checkLabelValue, "a".repeat(64), ["must be no more than 63 bytes"]],
  [names.checkConfigKey, "a.b_c", []],
  [names.checkConfigKey, "..x", ["must not start with '..'"]],
  [names.checkConfigKey, ".", ["must not be '.'"]],
  [names.checkEnvName, "1 x", []],
  [names.checkEnvName, "", ["environment variable name must be non-empty"]],
  [
    names.checkEnvName,
    "a=b",
    ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
  ],
  [names.checkPortName, "http-2", []],
  [names.checkPortName, "80", ["must contain at least one letter (a-z)"]],
  [names.checkPortName, "a--b", ["must not contain consecutive hyphens"]],
  [names.checkPortName, "-a", ["must not begin or end with a hyphen"]],
  [names.checkPortName, "a".repeat(16), ["must be no more than 15 characters"]],
  [names.checkPathSegment, "a/b", ["may not contain '/'"]],
  [names.checkPathSegment, "..", ["may not be '..'"]],
  [names.checkHttpHeaderName, "X-Y", []],
];

for (const [check, value, faults] of cases) {
  test(`${check.name || "check of a prefix"}(${JSON.stringify(value.slice(0, 20))}) finds ${faults.length}`, () =>
    assert.deepEqual(check(value), faults));
}

test("generateName() adds five letters and cuts a long base", () => {
  assert.match(names.generateName("web-"), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(names.generateName("a".repeat(70)).length, 63);
  assert.equal(
    names.generateName("a-", () => 0.999),
    "a-99999",
  );
});

test("checkPortNumber() takes 1 to 65535", () => {
  for (const port of [1, 65535]) assert.deepEqual(names.checkPortNumber(port), []);
  for (const port of [0, 65536, 1.5])
    assert.deepEqual(names.checkPortNumber(port), ["must be between 1 and 65535, inclusive"]);
});
