import assert from "node:assert/strict";
import { test } from "node:test";
import { unifiedDiff } from "./_diff.ts";

test("unifiedDiff() shows what changed, with three lines around", () => {
  const before = { a: 1, b: 2, c: 3, d: { e: [1, 2] }, f: 4, g: 5, h: 6 };
  assert.equal(
    unifiedDiff(before, { ...before, d: { e: [1, 3] }, f: 9 }),
    [
      "@@ -5,10 +5,10 @@",
      '  "d": {',
      '   "e": [',
      "    1,",
      "-   2",
      "+   3",
      "   ]",
      "  },",
      '- "f": 4,',
      '+ "f": 9,',
      '  "g": 5,',
      '  "h": 6',
      " }",
      "",
    ].join("\n"),
  );
  assert.equal(unifiedDiff(before, before), "");
  assert.equal(unifiedDiff(undefined, { a: 1 }), '@@ -1,1 +1,3 @@\n-null\n+{\n+ "a": 1\n+}\n');
});
