import assert from "node:assert/strict";
import dgram from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createLog } from "../../lib/log.ts";
import { frame, frameReader, parseResolvers, startDnsRelay } from "./dns-relay.ts";

describe("parseResolvers()", () => {
  const cases = [
    {
      name: "one of each family",
      in: "nameserver 192.0.2.1\nnameserver 2001:db8::1\n",
      want: ["192.0.2.1", "2001:db8::1"],
    },
    { name: "no more than three", in: "nameserver 192.0.2.1\n".repeat(5), want: Array(3).fill("192.0.2.1") },
    { name: "other lines and names", in: "search a.b\n# nameserver 192.0.2.9\nnameserver localhost\n", want: [] },
  ];
  for (const { name, in: text, want } of cases) test(name, () => assert.deepEqual(parseResolvers(text), want));
});

test("frameReader() puts messages together from any chunks", () => {
  const messages: string[] = [];
  const read = frameReader((message) => messages.push(message.toString()));
  const stream = Buffer.concat([frame(Buffer.from("one")), frame(Buffer.from("")), frame(Buffer.from("three"))]);
  for (const byte of stream) read(Buffer.from([byte]));
  assert.deepEqual(messages, ["one", "", "three"]);
});

describe("startDnsRelay()", () => {
  const dir = mkdtempSync(join(tmpdir(), "fairlead-relay-"));
  const log = createLog(() => {});
  const closing: (() => void)[] = [];
  after(() => {
    for (const close of closing) close();
    rmSync(dir, { recursive: true, force: true });
  });

  const query = Buffer.from("abcd01000001000000000000" + "0161" + "00" + "00010001", "hex");

  async function ask(name: string, resolvers: string, port: number): Promise<Buffer> {
    const [socketPath, resolvConf] = [join(dir, `${name}.sock`), join(dir, `${name}.conf`)];
    writeFileSync(resolvConf, resolvers);
    const relay = await startDnsRelay(socketPath, { resolvConf, port, log });
    closing.push(() => relay.close());
    const client = net.connect(socketPath);
    closing.push(() => client.destroy());
    client.write(frame(query));
    return new Promise((resolve) => client.on("data", frameReader(resolve)));
  }

  test("asks the host's resolver and hands its answer back", async () => {
    const resolver = dgram.createSocket("udp4");
    closing.push(() => resolver.close());
    resolver.on("message", (message, from) =>
      resolver.send(Buffer.concat([message, Buffer.from("!")]), from.port, from.address),
    );
    await new Promise<void>((resolve) => resolver.bind(0, "127.0.0.1", resolve));
    const answer = await ask("works", "nameserver 127.0.0.1\n", resolver.address().port);
    assert.equal(answer.toString("latin1"), `${query.toString("latin1")}!`);
  });

  test("asks again over TCP when the answer is cut", async () => {
    const cut = Buffer.from(query);
    cut.writeUInt16BE(0x8200, 2);
    const tcp = net.createServer((socket) =>
      socket.on(
        "data",
        frameReader((message) => socket.write(frame(Buffer.concat([message, Buffer.from("whole")])))),
      ),
    );
    closing.push(() => tcp.close());
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as net.AddressInfo;
    const udp = dgram.createSocket("udp4");
    closing.push(() => udp.close());
    udp.on("message", (_message, from) => udp.send(cut, from.port, from.address));
    await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
    assert.match((await ask("cut", "nameserver 127.0.0.1\n", port)).toString("latin1"), /whole$/);
  });

  test("says SERVFAIL when there is no resolver", async () => {
    const answer = await ask("none", "", 53);
    assert.equal(answer.readUInt16BE(0), query.readUInt16BE(0));
    assert.equal((answer[2] ?? 0) & 0x80, 0x80);
    assert.equal((answer[3] ?? 0) & 0x0f, 2);
  });
});
