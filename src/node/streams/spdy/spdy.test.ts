import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import test from "node:test";
import { constants, createDeflate, createInflate } from "node:zlib";
import { SpdyConnection, type SpdyStream } from "./connection.ts";
import { dictionary, dictionaryId } from "./dictionary.ts";
import { dataHead, FrameReader, ping, synStream } from "./frames.ts";
import { HeaderReader, HeaderWriter } from "./headers.ts";

function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

/** As clients compress: one stream, flushed after each block. */
class Compressor {
  readonly #deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });

  async encode(headers: Record<string, string>): Promise<Buffer> {
    const text = (value: string) => Buffer.concat([Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]);
    const entries = Object.entries(headers);
    const block = Buffer.concat([Buffer.from([0, 0, 0, entries.length]), ...entries.flat().map(text)]);
    await new Promise((resolve) => this.#deflate.write(block, resolve));
    return this.#deflate.read() as Buffer;
  }
}

test("the dictionary is the one of the draft", () => {
  assert.equal(dictionary.length, 1423);
  assert.equal(adler32(dictionary), dictionaryId);
});

test("HeaderReader reads the blocks of one compressed stream", async () => {
  const [compressor, reader] = [new Compressor(), new HeaderReader()];
  for (const headers of [{ streamtype: "error" }, { streamtype: "stdin", port: "80" }, {}, { streamtype: "error" }]) {
    assert.deepEqual(await reader.decode(await compressor.encode(headers)), headers);
  }
  await assert.rejects(reader.decode(Buffer.from("no zlib")), /Cannot decompress headers/);
  reader.close();
});

test("what HeaderWriter writes is read by zlib and by HeaderReader", async () => {
  const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
  const blocks = [writer.encode({ a: "1" }), writer.encode({}), writer.encode({ b: "x".repeat(3000) })];
  for (const [index, want] of [{ a: "1" }, {}, { b: "x".repeat(3000) }].entries()) {
    assert.deepEqual(await reader.decode(blocks[index] ?? Buffer.alloc(0)), want);
  }
  reader.close();
  const inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH });
  inflate.end(Buffer.concat(blocks));
  let length = 0;
  for await (const part of inflate) length += part.length;
  assert.equal(length, 4 + 4 + 1 + 4 + 1 + 4 + 4 + 4 + 1 + 4 + 3000);
});

test("FrameReader cuts frames at any place, and refuses what is no SPDY/3.1", () => {
  const data = Buffer.concat([dataHead(1, 3, { fin: true }), Buffer.from("abc")]);
  const bytes = Buffer.concat([ping(7), data, synStream(3, Buffer.from("block"))]);
  const want = [
    { kind: "ping", id: 7 },
    { kind: "data", stream: 1, fin: true, data: Buffer.from("abc") },
    { kind: "synStream", stream: 3, fin: false, block: Buffer.from("block") },
  ];
  for (const size of [1, 2, 7, 1000]) {
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
    assert.deepEqual(frames, want);
  }
  assert.throws(() => new FrameReader().push(Buffer.from("800200060000000400000001", "hex")), /version 2/);
  assert.throws(() => new FrameReader().push(Buffer.from("80030001000000020000", "hex")), /it has 2 bytes/);
  assert.throws(() => new FrameReader().push(Buffer.from("00000001ffffffff00", "hex")), /too long/);
});

async function pair(onStream: (stream: SpdyStream) => void) {
  const accepted = Promise.withResolvers<SpdyConnection>();
  const server = createServer((socket) => accepted.resolve(new SpdyConnection(socket, onStream)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client: Socket = connect((server.address() as { port: number }).port, "127.0.0.1");
  client.on("error", () => undefined);
  const [reader, frames] = [new FrameReader(), [] as string[]];
  client.on("data", (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      frames.push(frame.kind === "data" ? `${frame.stream} ${frame.data}${frame.fin ? " fin" : ""}` : frame.kind);
    }
  });
  const connection = await accepted.promise;
  return { client, connection, frames, compressor: new Compressor(), server };
}

test("streams carry bytes both ways, end one side at a time, and go with their connection", async () => {
  const streams: SpdyStream[] = [];
  const { client, connection, frames, compressor, server } = await pair((stream) => {
    streams.push(stream);
    if (stream.headers.streamtype === "echo") stream.pipe(stream);
  });
  client.write(synStream(1, await compressor.encode({ streamtype: "echo" })));
  client.write(synStream(3, await compressor.encode({ streamtype: "silent" })));
  client.write(Buffer.concat([dataHead(1, 5, { fin: false }), Buffer.from("hello"), dataHead(1, 0, { fin: true })]));
  client.write(ping(9));
  while (!frames.includes("1  fin")) await once(client, "data");
  assert.deepEqual(frames.toSorted(), ["1  fin", "1 hello", "other", "other", "ping"]);
  assert.equal(streams[1]?.headers.streamtype, "silent");
  const closed = once(streams[1] as SpdyStream, "close");
  client.destroy();
  await connection.closed;
  await closed;
  server.close();
});

test("a stream that nobody reads holds the client back", async () => {
  const { client, connection, compressor, server } = await pair(() => undefined);
  client.write(synStream(1, await compressor.encode({})));
  const chunk = Buffer.concat([dataHead(1, 65536, { fin: false }), Buffer.alloc(65536)]);
  for (let sent = 0; sent < 64 * 1024 * 1024 && client.writableLength < 8 * 1024 * 1024; sent += 65536) {
    client.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(client.writableLength > 1024 * 1024, `${client.writableLength} bytes wait`);
  client.destroy();
  connection.destroy();
  await connection.closed;
  server.close();
});
