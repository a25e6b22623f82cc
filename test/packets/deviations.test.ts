import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packetCases } from "./cases/mod.ts";
import { deviations, matches, planeNames } from "./deviations.ts";
import { page, path, titles } from "./deviations-page.ts";

test("docs/deviations.md says what the tests skip", () => {
  assert.equal(readFileSync(path, "utf8"), page(), "write it again: node test/packets/deviations-page.ts");
});

test("every deviation names cases that there are, and every case it names", () => {
  for (const plane of planeNames) {
    for (const one of deviations[plane]) {
      assert.ok(
        titles.some((title) => matches(one, title)),
        `${plane}: ${one.reason}`,
      );
      if (one.cases instanceof RegExp) continue;
      for (const name of one.cases)
        assert.ok(
          titles.some((title) => matches({ ...one, cases: [name] }, title)),
          `${plane}: no case "${name}"`,
        );
    }
  }
});

test("no two cases have one name, and each begins with its statement's number", () => {
  for (const family of ["IPv4", "IPv6"] as const) {
    const names = packetCases(family).map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, n) => names.indexOf(name) !== n),
      [],
    );
    assert.ok(names.length >= 150, `${names.length} cases`);
  }
  assert.deepEqual(
    titles.filter((title) => !/^P\d+ /.test(title)),
    [],
  );
});
