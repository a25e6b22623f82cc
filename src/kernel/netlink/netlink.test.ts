import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isolate } from "../isolate.ts";
import { eachAttribute, readAttributes, readList, readString } from "./attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLMSG_HEADER_SIZE } from "./message.ts";
import { NETLINK_ROUTE, NetlinkSocket, wholeDump } from "./socket.ts";

const options = isolate();

describe("MessageBuffer", () => {
  test("attributes come back as they were written, whenever the buffer grew", () => {
    for (let size = 1; size < 300; size++) {
      const message = new MessageBuffer(size);
      const sequence = message.begin(7, NLM_F_ACK);
      message.u8(1).u8(2).u16be(0x0304).u16(5).u32(6).u32(0xffffffff).raw(Buffer.from("abc"));
      message.attrU8(1, 8).attrU16(2, 9).attrU16be(3, 10).attrU32(4, 11).attrU32be(5, 12).attrU64be(6, 13n);
      const list = message.nest(7);
      message.attrString(1, "häl").attrString(1, "").unnest(list);
      message
        .attrFlag(8)
        .attrBytes(9, Buffer.from([1, 2, 3]))
        .end();
      const bytes = message.bytes();
      assert.equal(bytes.readUInt32LE(0), bytes.length);
      assert.equal(bytes.readUInt32LE(8), sequence);
      const body = bytes.subarray(NLMSG_HEADER_SIZE);
      assert.equal(body.subarray(0, 18).toString("hex"), "01020304050006000000ffffffff61626300");
      const attributes = readAttributes(body, 18);
      const hex = (type: number): string | undefined => attributes.get(type)?.toString("hex");
      assert.deepEqual([1, 2, 3, 4, 5, 6, 8, 9].map(hex), [
        "08",
        "0900",
        "000a",
        "0b000000",
        "0000000c",
        "000000000000000d",
        "",
        "010203",
      ]);
      assert.deepEqual(readList(attributes.get(7) ?? Buffer.alloc(0)).map(readString), ["häl", ""]);
    }
  });

  test("an attribute that netlink cannot hold is refused", () => {
    const message = new MessageBuffer();
    message.begin(1, 0);
    assert.throws(() => message.attrBytes(1, Buffer.alloc(65_533)), RangeError);
    const nest = message.nest(1);
    for (let i = 0; i < 2; i++) message.attrBytes(2, Buffer.alloc(40_000));
    assert.throws(() => message.unnest(nest), RangeError);
  });

  test("reading damaged attributes ends", () => {
    for (const hex of ["0000", "03000100", "ff000100", "0500010041"]) {
      const bytes = Buffer.from(hex, "hex");
      eachAttribute(bytes, { start: 0, end: bytes.length }, (_type, offset, size) =>
        assert.ok(offset + size <= bytes.length),
      );
    }
  });
});

describe("wholeDump()", () => {
  const reading = (interruptions: number) => {
    let reads = 0;
    return () => {
      reads++;
      const message = { type: 1, flags: 0, sequence: reads, body: Buffer.alloc(0) };
      return { messages: [message], interrupted: reads <= interruptions };
    };
  };
  const numbers = (...given: Parameters<typeof wholeDump>) => wholeDump(...given).map(({ sequence }) => sequence);
  test("P159 what changes interrupted is read again", () => {
    assert.deepEqual(numbers(reading(2), "list"), [3]);
  });
  test("P159 where changes never end, the last reading counts for who asks so, and others are told", () => {
    assert.deepEqual(numbers(reading(1000), "list", { partial: true }), [8]);
    assert.throws(() => wholeDump(reading(1000), "list"), { code: "EINTR", message: /it changed all the time/ });
  });
});

describe("NetlinkSocket", options, () => {
  const RTM_NEWLINK = 16;
  const RTM_GETLINK = 18;

  function addBridge(message: MessageBuffer, name: string): number {
    const sequence = message.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    message.u32(0).u32(0).u32(0).u32(0).attrString(3, name);
    const info = message.nest(18);
    message.attrString(1, "bridge").unnest(info).end();
    return sequence;
  }

  test("of many messages in one call, the kernel does all it can and each refusal has its number", () => {
    const socket = new NetlinkSocket(NETLINK_ROUTE);
    const message = new MessageBuffer();
    const sequences = ["b0", "b1", "b0", "b2", "b1"].map((name) => addBridge(message, name));
    const { refusals } = socket.transact(message);
    assert.deepEqual(
      refusals.map(({ sequence, errno }) => [sequence, errno]),
      [
        [sequences[2], 17],
        [sequences[4], 17],
      ],
    );
    message.reset();
    message.begin(RTM_GETLINK, NLM_F_DUMP);
    message.u32(0).u32(0).u32(0).u32(0).end();
    const names = socket
      .dump(message, "list links")
      .map(({ body }) => readString(readAttributes(body, 16).get(3) ?? Buffer.alloc(0)));
    assert.deepEqual(names.filter((name) => name.startsWith("b")).sort(), ["b0", "b1", "b2"]);
    socket.close();
    socket.close(); // twice does no harm
  });

  test("a dump in many parts is read whole", () => {
    const socket = new NetlinkSocket(NETLINK_ROUTE);
    const message = new MessageBuffer();
    for (let i = 0; i < 200; i++) addBridge(message, `many${i}`);
    assert.deepEqual(socket.transact(message).refusals, []);
    message.reset();
    message.begin(RTM_GETLINK, NLM_F_DUMP);
    message.u32(0).u32(0).u32(0).u32(0).end();
    assert.ok(socket.dump(message, "list links").length > 200);
    socket.close();
  });

  test("without an answer it gives up in time", () => {
    const socket = new NetlinkSocket(NETLINK_ROUTE, { timeoutMs: 20 });
    const message = new MessageBuffer();
    message.begin(RTM_GETLINK, 0); // asks for an answer, not for an acknowledgement …
    message.u32(0).u32(0).u32(0).u32(0).attrString(3, "lo").end();
    message.requestAck();
    assert.equal(socket.transact(message).messages.length, 1);
    message.reset();
    message.begin(RTM_GETLINK, NLM_F_ACK);
    message.end().bytes().writeUInt32LE(8, 0); // shorter than a header: the kernel passes over it
    assert.throws(() => socket.transact(message), {
      code: "ETIMEDOUT",
      message: /^Cannot get an answer of the kernel in time/,
    });
    socket.close();
  });
});
