import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compose, encodeBody } from "../body.ts";
import { encodeQuery } from "../testing/dig.ts";
import { decodeMessage, MessageError } from "./decode.ts";
import { keyOf, lowerKey, textOf } from "./name.ts";
import { parseQuery } from "./query.ts";
import type { DnsRecord } from "./record.ts";

/** A small generator with a seed (Lehmer), so that a failure can be had again. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % limit;
  };
}

const key = (name: string): string => keyOf(name) ?? assert.fail(name);

describe("names", () => {
  test("text and key", () => {
    assert.equal(key("a.bc."), "\x01a\x02bc");
    assert.equal(textOf("\x01a\x02bc"), "a.bc");
    assert.equal(key("."), "");
    assert.equal(textOf(""), ".");
    assert.equal(keyOf("a..b"), undefined);
    assert.equal(keyOf("a".repeat(64)), undefined);
    assert.equal(keyOf(Array(43).fill("abcde").join(".")), undefined, "longer than 255 bytes");
    assert.equal(lowerKey("\x03AbZ\x02\xc0B"), "\x03abz\x02\xc0b", "only ASCII letters have case");
  });
});

describe("messages", () => {
  test("decode(encode(records)) gives the records, compressed", () => {
    const name = key("Web.default.svc.cluster.local");
    const records: DnsRecord[] = [
      { name, ttlSec: 5, data: { type: "A", address: Buffer.from([10, 0, 0, 1]) } },
      { name, ttlSec: 6, data: { type: "AAAA", address: Buffer.alloc(16, 7) } },
      { name, ttlSec: 7, data: { type: "CNAME", name: key("other.default.svc.cluster.local") } },
      {
        name,
        ttlSec: 8,
        data: { type: "SRV", priority: 1, weight: 2, port: 3, target: key("x.default.svc.cluster.local") },
      },
      {
        name: key("x.default.svc.cluster.local"),
        ttlSec: 9,
        data: { type: "MX", preference: 10, exchange: key("mail.cluster.local") },
      },
      {
        name: key("cluster.local"),
        ttlSec: 10,
        data: {
          type: "SOA",
          primary: key("ns.cluster.local"),
          mailbox: key("h.cluster.local"),
          numbers: [1, 2, 3, 4, 5],
        },
      },
      { name, ttlSec: 11, data: { type: "other", number: 99, bytes: Buffer.from("abc") } },
    ];
    const body = encodeBody(name, {
      answers: records.slice(0, 3),
      authority: records.slice(3, 5),
      additional: records.slice(5),
    });
    const parsed = parseQuery(encodeQuery("Web.default.svc.cluster.local", "A", { edns: 4096 }));
    assert.ok(parsed.kind === "query");
    const bytes = compose(parsed.query, body, { protocol: "udp", recursion: true, random: () => 0 });
    const message = decodeMessage(bytes);
    assert.deepEqual(
      [...message.answers, ...message.authority, ...message.additional.slice(0, -1)].map(
        ({ class: _, ...record }) => record,
      ),
      records,
    );
    assert.equal(message.id, 0x1234);
    const uncompressed = records.reduce((sum, record) => sum + record.name.length + 11, 0);
    assert.ok(body.bytes.length < uncompressed + 150, "owner names are pointers");
  });

  test("damaged messages end in MessageError, never in another error or without end", () => {
    const random = randomOf(42);
    const name = key("a.b.example.com");
    const body = encodeBody(name, {
      answers: [
        { name, ttlSec: 1, data: { type: "CNAME", name: key("c.example.com") } },
        { name: key("c.example.com"), ttlSec: 1, data: { type: "MX", preference: 1, exchange: key("d.example.com") } },
      ],
      authority: [
        {
          name: key("example.com"),
          ttlSec: 1,
          data: { type: "SOA", primary: name, mailbox: name, numbers: [1, 2, 3, 4, 5] },
        },
      ],
    });
    const parsed = parseQuery(encodeQuery("a.b.example.com", "MX", { edns: 1232 }));
    assert.ok(parsed.kind === "query");
    const good = compose(parsed.query, body, { protocol: "tcp", recursion: true, random: () => 0 });
    let damaged = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(good.subarray(0, round % 4 === 0 ? random(good.length) : good.length));
      for (let change = random(4); change >= 0 && bytes.length > 0; change--) bytes[random(bytes.length)] = random(256);
      try {
        decodeMessage(bytes);
      } catch (error) {
        assert.ok(error instanceof MessageError, String(error));
        damaged++;
      }
    }
    assert.ok(damaged > 1000);
  });

  test("names that point forward or in a circle are refused", () => {
    const head = Buffer.from("123400000001000100000000" + "0161000001" + "0001", "hex");
    for (const pointer of ["c013", "c014", "cfff"]) {
      assert.throws(
        () => decodeMessage(Buffer.concat([head, Buffer.from(`${pointer}000100010000000500040a000001`, "hex")])),
        MessageError,
      );
    }
  });
});

describe("parseQuery()", () => {
  test("any bytes give an outcome", () => {
    const random = randomOf(7);
    const seeds = [encodeQuery("a.b.c", "A"), encodeQuery("backend.default.svc.cluster.local", "SRV", { edns: 1232 })];
    const kinds = new Set<string>();
    for (let round = 0; round < 50_000; round++) {
      const seed = seeds[round % 2] ?? Buffer.alloc(0);
      const bytes = Buffer.from(seed.subarray(0, random(3) ? seed.length : random(seed.length)));
      for (let change = random(5); change > 0 && bytes.length > 0; change--) bytes[random(bytes.length)] = random(256);
      const parsed = parseQuery(bytes);
      kinds.add(parsed.kind);
      if (parsed.kind === "query") {
        assert.ok(parsed.query.questionEnd <= bytes.length);
        assert.equal(parsed.query.name.length, parsed.query.questionEnd - 12 - 5);
      }
    }
    assert.deepEqual([...kinds].sort(), ["drop", "fault", "query"]);
  });
});
