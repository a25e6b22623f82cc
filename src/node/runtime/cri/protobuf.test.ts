import assert from "node:assert/strict";
import test from "node:test";
import { bool, bytes, int, ints, list, map, message, string, strings, sub } from "./protobuf.ts";

const inner = message({ name: string(1), number: int(2) });
const all = message({
  text: string(1),
  count: int(2),
  yes: bool(3),
  raw: bytes(4),
  words: strings(5),
  numbers: ints(6),
  one: sub(7, inner),
  many: list(8, inner),
  labels: map(9),
  far: string(300),
});

test("what is written is read", () => {
  const value = {
    ...{ text: "ä", count: -3, yes: true, raw: Buffer.from([0, 255]), words: ["a", "", "b"], numbers: [0, 300, 5] },
    ...{
      one: { name: "x", number: 2 ** 40 },
      many: [{ name: "y", number: 0 }],
      labels: { k: "v", empty: "" },
      far: "!",
    },
  };
  assert.deepEqual(all.decode(all.encode(value)), value);
});

test("bytes are those of the wire format, and what is zero is not written", () => {
  assert.equal(inner.encode({ name: "ab", number: 150 }).toString("hex"), "0a02616210" + "9601");
  assert.equal(inner.encode({ name: "", number: 0 }).length, 0);
  assert.equal(all.encode({ one: {} }).toString("hex"), "3a00");
  assert.equal(all.encode({ numbers: [3, 270] }).toString("hex"), "3203038e02");
});

test("what is absent is empty; a message that is absent differs from an empty one; unknown fields are passed over", () => {
  const none = all.decode(Buffer.alloc(0));
  assert.deepEqual([none.text, none.count, none.yes, none.words, none.labels], ["", 0, false, [], {}]);
  assert.equal(none.one, undefined);
  assert.deepEqual(all.decode(Buffer.from("3a00", "hex")).one, { name: "", number: 0 });
  // 15: a number, 16: eight bytes, 17: four bytes, then field 2.
  const unknown = Buffer.from(`7805${"8101"}0102030405060708${"8d01"}01020304${"1007"}`, "hex");
  assert.equal(all.decode(unknown).count, 7);
  // Not packed, as old writers have them.
  assert.deepEqual(all.decode(Buffer.from("30033004", "hex")).numbers, [3, 4]);
});

for (const cut of ["0a", "0a05616263", "10", "1080"]) {
  test(`a message that ends too early is refused: ${cut}`, () =>
    assert.throws(() => inner.decode(Buffer.from(cut, "hex")), /^RangeError: a protobuf message ends within/));
}
