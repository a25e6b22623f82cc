/** What holds for every Nftables: run against the kernel and against the fake. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Command, type Nftables, type Rule, type SetSpec, type Table, TransactionError } from "./port.ts";

const plain: SetSpec = { name: "plain", key: ["ipv4_addr"] };
const data: SetSpec = { name: "data", key: ["mark", "classid"], value: ["ipv4_addr", "inet_service"] };
const verdicts: SetSpec = { name: "verdicts", key: ["inet_proto", "inet_service"], value: "verdict" };
const port80 = "\x06\0\0\0\0\x50\0\0";
const id1 = "\x01\0\0\0\0\0\0\0";
const toA = "\x0a\0\0\x01\x1f\x90\0\0";
const toB = "\x0a\0\0\x02\x1f\x90\0\0";
const toX: Rule = [{ name: "verdict", verdict: "goto", chain: "x" }];
const lookup: Rule = [
  { name: "meta", key: "l4proto", to: 0 },
  { name: "payload", to: 1, base: "transport", offset: 2, length: 2 },
  { name: "lookup", set: "verdicts", from: 0, to: "verdict" },
];

/** Each case gets a table of its own; `open` runs in a network namespace made for the test. */
export function nftablesSuite(name: string, open: () => Nftables): void {
  for (const family of ["ip", "ip6"] as const) {
    describe(`${name}, ${family}`, () => {
      let count = 0;
      const test = (title: string, body: (nft: Nftables, c: ReturnType<typeof commandsOf>, table: Table) => void) =>
        it(title, () => {
          const table: Table = { family, name: `t${++count}` };
          const nft = open();
          const c = commandsOf(table);
          nft.commit([
            { op: "add-table", table },
            ...[plain, data, verdicts].map((set) => ({ op: "add-set", table, set }) as const),
            c.chain("x"),
          ]);
          body(nft, c, table);
          nft.close();
        });
      cases(test);
    });
  }
}

type Test = (title: string, body: (nft: Nftables, c: ReturnType<typeof commandsOf>, table: Table) => void) => void;

function commandsOf(table: Table) {
  return {
    chain: (chain: string): Command => ({ op: "add-chain", table, chain }),
    flush: (chain: string): Command => ({ op: "flush-chain", table, chain }),
    drop: (chain: string): Command => ({ op: "delete-chain", table, chain }),
    rule: (chain: string, rule: Rule): Command => ({ op: "add-rule", table, chain, rule }),
    add: (set: SetSpec, key: string, value = ""): Command => elements("add-elements", table, set, [{ key, value }]),
    remove: (set: SetSpec, key: string): Command => elements("delete-elements", table, set, [{ key, value: "" }]),
  };
}

function elements(
  op: "add-elements" | "delete-elements",
  table: Table,
  set: SetSpec,
  list: { key: string; value: string }[],
): Command {
  const values = set.value === "verdict" ? "verdict" : set.value ? "data" : "none";
  return { op, table, set: set.name, values, elements: list };
}

function refuses(run: () => void, code: string, op?: Command["op"]): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof TransactionError, String(error));
    assert.equal(error.code, code);
    if (op) assert.equal(error.command?.op, op);
    return true;
  });
}

function cases(test: Test): void {
  test("lists chains and sets, and knows an absent table", (nft, c, table) => {
    nft.commit([c.chain("y")]);
    assert.deepEqual([...(nft.chains(table) ?? [])].sort(), ["x", "y"]);
    assert.deepEqual([...(nft.sets(table) ?? [])].sort(), ["data", "plain", "verdicts"]);
    assert.equal(nft.sets({ ...table, name: "absent" }), undefined);
  });
  test("gives elements back as they were added", (nft, c, table) => {
    nft.commit([c.add(plain, "\x0a\0\0\x01"), c.add(data, id1, toA), c.add(verdicts, port80, "x")]);
    assert.deepEqual(nft.elements(table, "plain"), [{ key: "\x0a\0\0\x01", value: "" }]);
    assert.deepEqual(nft.elements(table, "data"), [{ key: id1, value: toA }]);
    assert.deepEqual(nft.elements(table, "verdicts"), [{ key: port80, value: "x" }]);
  });
  test("replaces an element's data by deleting and adding in one transaction", (nft, c, table) => {
    nft.commit([c.add(data, id1, toA)]);
    nft.commit([c.remove(data, id1), c.add(data, id1, toB)]);
    assert.deepEqual(nft.elements(table, "data"), [{ key: id1, value: toB }]);
  });
  test("takes an element again that is there with the same data", (nft, c) => {
    nft.commit([c.add(data, id1, toA)]);
    nft.commit([c.add(data, id1, toA)]);
  });
  test("refuses an element that is there with other data, and undoes the whole transaction", (nft, c, table) => {
    nft.commit([c.add(data, id1, toA)]);
    refuses(() => nft.commit([c.chain("y"), c.add(data, id1, toB)]), "EEXIST", "add-elements");
    assert.equal(nft.chains(table)?.has("y"), false);
    nft.commit([c.chain("z")]);
    assert.equal(nft.chains(table)?.has("z"), true);
  });
  test("refuses to delete an element that is not there", (nft, c) => {
    refuses(() => nft.commit([c.chain("y"), c.remove(plain, "\x0a\0\0\x09")]), "ENOENT", "delete-elements");
  });
  test("refuses an element that goes to an unknown chain", (nft, c) => {
    refuses(() => nft.commit([c.add(verdicts, port80, "absent")]), "ENOENT", "add-elements");
  });
  test("refuses a rule with an unknown set or chain", (nft, c) => {
    refuses(
      () => nft.commit([c.rule("x", [{ name: "lookup", set: "absent", from: 0, to: "verdict" }])]),
      "ENOENT",
      "add-rule",
    );
    refuses(() => nft.commit([c.rule("x", [{ name: "verdict", verdict: "goto", chain: "absent" }])]), "ENOENT");
  });
  test("refuses to delete a chain that a rule or an element goes to", (nft, c) => {
    nft.commit([c.chain("y"), c.rule("y", toX), c.chain("z"), c.rule("z", lookup), c.add(verdicts, port80, "z")]);
    refuses(() => nft.commit([c.drop("x")]), "EBUSY", "delete-chain");
    refuses(() => nft.commit([c.drop("z")]), "EBUSY", "delete-chain");
  });
  test("deletes a chain with its rules once nothing goes to it", (nft, c, table) => {
    nft.commit([c.chain("y"), c.rule("y", lookup), c.add(verdicts, port80, "x")]);
    nft.commit([c.remove(verdicts, port80), c.drop("y"), c.drop("x")]);
    assert.deepEqual([...(nft.chains(table) ?? [])], []);
  });
  test("flushes a chain's rules", (nft, c, table) => {
    nft.commit([c.chain("y"), c.rule("y", toX), c.flush("y"), c.drop("x")]);
    assert.deepEqual([...(nft.chains(table) ?? [])], ["y"]);
  });
  test("refuses a set that is there with another type", (nft, _c, table) => {
    const set: SetSpec = { name: "plain", key: ["mark"], value: ["mark"] };
    refuses(() => nft.commit([{ op: "add-set", table, set }]), "EEXIST", "add-set");
  });
  test("replaces a whole table in one transaction", (nft, c, table) => {
    nft.commit([c.add(plain, "\x0a\0\0\x01"), c.chain("y")]);
    nft.commit([{ op: "delete-table", table }, { op: "add-table", table }, c.chain("n")]);
    assert.deepEqual([...(nft.chains(table) ?? [])], ["n"]);
    assert.deepEqual([...(nft.sets(table) ?? [])], []);
  });
  test("has another generation after each transaction, not after a refused one", (nft, c) => {
    const before = nft.generation();
    assert.throws(() => nft.commit([c.remove(plain, "\x0a\0\0\x09")]));
    assert.equal(nft.generation(), before);
    nft.commit([c.chain("y")]);
    assert.notEqual(nft.generation(), before);
  });
  test("writes and reads many elements", (nft, _c, table) => {
    const many = Array.from({ length: 5000 }, (_, n) => ({
      key: `\x0a\0${String.fromCharCode(n >> 8, n & 255)}`,
      value: "",
    }));
    nft.commit([elements("add-elements", table, plain, many)]);
    assert.equal(nft.elements(table, "plain").length, 5000);
    nft.commit([elements("delete-elements", table, plain, many)]);
    assert.equal(nft.elements(table, "plain").length, 0);
  });
}
