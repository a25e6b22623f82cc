import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { describe, test } from "node:test";
import { DatagramBatch, openUdp } from "./datagrams.ts";
import { close } from "./ffi.ts";

/** A socket that only the batch reads: Node's own would take the datagrams first. */
async function bound(address: string): Promise<{ fd: number; port: number; close: () => void }> {
  const probe = createSocket(address.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve) => probe.bind(0, address, resolve));
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(resolve));
  const fd = openUdp(address, port, 1 << 20);
  return { fd, port, close: () => close(fd) };
}

/** Nobody may be reading yet when the first comes: waits at most a second. */
async function receive(batch: DatagramBatch): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const count = batch.receive();
    if (count > 0) return count;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return 0;
}

describe("DatagramBatch", () => {
  for (const address of ["127.0.0.1", "::1"]) {
    test(`answers reach their senders, skipped and long ones too (${address})`, async () => {
      const server = await bound(address);
      const clients = [0, 1].map(() => createSocket(address.includes(":") ? "udp6" : "udp4"));
      const got = clients.map((client) => {
        const texts: string[] = [];
        client.on("message", (message, { port }) =>
          texts.push(`${port} ${message.toString().slice(0, 20)} ${message.length}`),
        );
        return texts;
      });
      const batch = new DatagramBatch(server.fd, { count: 8, inputSize: 16, outputSize: 32 });
      // Twice, since pointers of the first batch must not be those of the second.
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 6; i++) clients[i % 2]?.send(`${round}${i}`, server.port, address);
        let seen = 0;
        while (seen < 6) {
          const count = await receive(batch);
          assert.ok(count > 0, `only ${seen} datagrams came`);
          for (let i = 0; i < count; i++) {
            const text = batch.packet(i).toString();
            if (text.endsWith("1")) continue; // not answered
            if (text.endsWith("2")) batch.sendLater(batch.peer(i), Buffer.from(`later ${text}`));
            else batch.reply(i, Buffer.from(`re ${text}`.padEnd(text.endsWith("3") ? 100 : 5)));
          }
          batch.flush();
          seen += count;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      const want = (texts: readonly [string, number][]): string[] =>
        texts.map(([text, size]) => `${server.port} ${text} ${size}`).sort();
      const long = (text: string): [string, number] => [text.padEnd(20), 100];
      assert.deepEqual(
        got[0]?.sort(),
        want([
          ["re 00", 5],
          ["later 02", 8],
          ["re 04", 5],
          ["re 10", 5],
          ["later 12", 8],
          ["re 14", 5],
        ]),
      );
      assert.deepEqual(got[1]?.sort(), want([long("re 03"), ["re 05", 5], long("re 13"), ["re 15", 5]]));
      for (const client of clients) client.close();
      server.close();
    });
  }

  test("nothing there: 0; longer datagrams are cut off", async () => {
    const server = await bound("127.0.0.1");
    const batch = new DatagramBatch(server.fd, { inputSize: 4 });
    assert.equal(batch.receive(), 0);
    const client = createSocket("udp4");
    client.send("123456", server.port, "127.0.0.1");
    assert.equal(await receive(batch), 1);
    assert.equal(batch.packet(0).toString(), "1234");
    client.close();
    server.close();
  });

  test("a port in use and a text that is no address are one sentence", async () => {
    const server = await bound("127.0.0.1");
    assert.throws(() => openUdp("127.0.0.1", server.port, 4096), { code: "EADDRINUSE" });
    assert.throws(() => openUdp("localhost", 0, 4096), RangeError);
    server.close();
  });
});
