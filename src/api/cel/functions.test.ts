import assert from "node:assert/strict";
import { test } from "node:test";
import { celValue, compileExpression } from "./admission-expression.ts";

const scope = {
  object: celValue({
    memory: "2Gi",
    names: ["a", "b"],
    address: "10.1.2.3",
    home: "https://example.com:8443/a%20b?x=1&x=2",
  }),
  oldObject: null,
  request: null,
};

const cases: readonly (readonly [expression: string, value: unknown])[] = [
  ["quantity(object.memory).isGreaterThan(quantity('500Mi'))", true],
  ["quantity('1').add(quantity('500m')).compareTo(quantity('1500m')) == 0", true],
  ["quantity('3').sub(1).asInteger()", 2n],
  ["isQuantity('1.5Gi') && !isQuantity('x')", true],
  ["sets.contains(object.names, ['a'])", true],
  ["sets.equivalent(['a', 'b', 'a'], object.names)", true],
  ["sets.intersects(object.names, ['c'])", false],
  ["ip(object.address).family()", 4n],
  ["ip('::1').isLoopback() && ip('10.0.0.1').isGlobalUnicast()", true],
  ["cidr('10.1.0.0/16').containsIP(ip(object.address))", true],
  ["cidr('10.1.0.0/16').containsIP('10.2.0.1')", false],
  ["cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", true],
  ["string(cidr('10.1.2.3/16').masked())", "10.1.0.0/16"],
  ["cidr('10.1.2.3/16').prefixLength()", 16n],
  ["url(object.home).getHost() + url(object.home).getEscapedPath()", "example.com:8443/a%20b"],
  ["url('https://example.com:443').getPort() + url('https://example.com:443').getEscapedPath()", "443"],
  ["url('https://u@[::1]:80/a').getHostname()", "::1"],
  ["isURL('/a/b') && !isURL('a')", true],
  ["'a-b-c'.replace('-', '+', 1)", "a+b-c"],
  ["'%s has %d of %.1f%% %x'.format([object.names, 3, 1.25, 255])", "[a, b] has 3 of 1.3% ff"],
  ["url(object.home).getQuery()['x'] == ['1', '2']", true],
  ["jsonpatch.escapeKey('a/b~c')", "a~1b~0c"],
  ["[3, 1].sum() == 4 && [1, 3].isSorted() && [3, 1].max() == 3", true],
  ["'abc'.charAt(1) + 'a-b'.replace('-', '+') + 'x12y'.find('[0-9]+')", "ba+b12"],
];

test("the functions that Kubernetes adds to the language", () => {
  for (const [text, value] of cases) {
    const expression = compileExpression(text, { result: "any" });
    assert.ok("evaluate" in expression, `${text}: ${JSON.stringify(expression)}`);
    assert.deepEqual(expression.evaluate(scope), value, text);
  }
});

test("what is no address, amount or URL is told", () => {
  for (const text of ["ip('x')", "cidr('10.0.0.0')", "url('x')", "quantity('x')"]) {
    const expression = compileExpression(text, { result: "any" });
    assert.ok("evaluate" in expression);
    assert.throws(() => expression.evaluate(scope), /resulted in error/, text);
  }
});
