import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bpfSources, compile, compilerVersion, sourceHash } from "../../../scripts/build-bpf.ts";
import { linkProgram, parseObject } from "./object.ts";
import { servicesObject } from "./programs/services.object.gen.ts";

const file = Buffer.from(servicesObject.object, "base64");

function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(file);
  change(bytes);
  return bytes;
}

describe("parseObject()", () => {
  it("finds programs and maps with their shapes", () => {
    const { maps, programs } = parseObject(file);
    assert.deepEqual(programs.map(({ section }) => section).sort(), [
      "cgroup/connect4",
      "cgroup/connect6",
      "cgroup/getpeername4",
      "cgroup/getpeername6",
      "cgroup/recvmsg4",
      "cgroup/recvmsg6",
      "cgroup/sendmsg4",
      "cgroup/sendmsg6",
      "tcx/egress",
      "tcx/ingress",
    ]);
    assert.deepEqual(
      Object.fromEntries([...maps].map(([name, { keySize, valueSize }]) => [name, [keySize, valueSize]])),
      {
        settings_map: [4, 32],
        services: [20, 20],
        endpoints: [8, 24],
        handles: [8, 24],
        addresses: [16, 4],
        members: [8, 4],
        clients: [16, 16],
        flows: [16, 16],
        origins: [32, 20],
        outside: [20, 20],
        pod_blocks: [4, 32],
        visitors: [20, 16],
        ways: [40, 48],
        returns: [40, 32],
      },
    );
    assert.equal(maps.get("services")?.type, 1);
    assert.equal(maps.get("services")?.flags, 1);
  });
  const cases: readonly { name: string; in: Buffer; error: RegExp }[] = [
    { name: "an empty file", in: Buffer.alloc(0), error: /it is no ELF file/ },
    { name: "a text", in: Buffer.from("#!/bin/sh\n".repeat(20)), error: /it is no ELF file/ },
    {
      name: "an object for another machine",
      in: changed((b) => b.writeUInt16LE(62, 18)),
      error: /not for little-endian eBPF/,
    },
    { name: "a big-endian object", in: changed((b) => b.writeUInt8(2, 5)), error: /not for little-endian eBPF/ },
    { name: "a file that is cut off", in: file.subarray(0, file.length - 100), error: /it is cut off/ },
  ];
  for (const one of cases) it(`refuses ${one.name}`, () => assert.throws(() => parseObject(one.in), one.error));
});

describe("linkProgram()", () => {
  const { maps, programs } = parseObject(file);
  const connect = programs.find(({ section }) => section === "cgroup/connect4");
  assert.ok(connect);
  it("puts each map's descriptor where the program loads it, and changes nothing else", () => {
    const numbers = new Map([...maps.keys()].map((name, index) => [name, 1000 + index]));
    const linked = linkProgram(connect, numbers);
    assert.ok(connect.maps.size >= 5);
    for (const [at, name] of connect.maps) {
      assert.equal(linked[at], 0x18, "a load of 64 bits");
      assert.equal((linked[at + 1] ?? 0) >> 4, 1, "of a descriptor");
      assert.equal(linked.readUInt32LE(at + 4), numbers.get(name));
      connect.instructions.copy(linked, at, at, at + 8);
    }
    assert.deepEqual(linked, connect.instructions);
  });
  it("refuses a program whose map is missing", () => {
    assert.throws(() => linkProgram(connect, new Map()), /there is no map/);
  });
});

describe("the built objects", () => {
  it("are of the sources beside them", () => {
    assert.deepEqual(bpfSources(), ["services.bpf.c"]);
    assert.equal(servicesObject.source, sourceHash(), "run: node scripts/build-bpf.ts");
  });
  const version = compilerVersion();
  const skip =
    version === servicesObject.compiler ? false : `needs clang ${servicesObject.compiler}, found ${version ?? "none"}`;
  it("are what clang makes of them", { skip }, () => {
    assert.equal(compile("services.bpf.c").toString("base64"), servicesObject.object);
  });
});
