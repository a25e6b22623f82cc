/** Against real servers on the loopback: UDP, TCP and a stream on a unix socket. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Clock, ManualClock, systemClock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { compose, encodeBody } from "../body.ts";
import { describe as describeRecord, statusOf } from "../testing/dig.ts";
import { decodeMessage } from "../wire/decode.ts";
import { keyOf } from "../wire/name.ts";
import { parseQuery } from "../wire/query.ts";
import type { DnsRecord } from "../wire/record.ts";
import { Forwarder } from "./forwarder.ts";
import type { Question } from "./response.ts";
import { parseUpstream } from "./upstream.ts";

const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

interface Reply {
  readonly answers?: readonly DnsRecord[];
  readonly authority?: readonly DnsRecord[];
  readonly rcode?: number;
}

/** A server that answers each question by `reply`; undefined: not at all. Counts what it was asked. */
function responder(reply: (name: string) => Reply | undefined) {
  const asked: string[] = [];
  const respond = (packet: Buffer, protocol: "udp" | "tcp"): Buffer | undefined => {
    const parsed = parseQuery(packet);
    assert.ok(parsed.kind === "query");
    asked.push(protocol);
    const { answers = [], authority = [], rcode = 0 } = reply(parsed.query.name) ?? {};
    if (!reply(parsed.query.name)) return undefined;
    const body = encodeBody(parsed.query.name, { answers, authority }, { rcode, authoritative: false });
    return compose(parsed.query, body, { protocol, recursion: true, random: () => 0 });
  };
  return { asked, respond };
}

async function listenUdp(respond: ReturnType<typeof responder>["respond"]): Promise<number> {
  const udp = createSocket("udp4");
  udp.on("message", (packet, from) => {
    const bytes = respond(packet, "udp");
    if (bytes) udp.send(bytes, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  closers.push(() => udp.close());
  return udp.address().port;
}

async function listenStream(
  respond: ReturnType<typeof responder>["respond"],
  at: { path: string } | { port: number; host: string },
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => {
      const bytes = respond(chunk.subarray(2), "tcp");
      if (!bytes) return;
      socket.write(Buffer.from([bytes.length >> 8, bytes.length & 255]));
      socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}

const key = (name: string): string => keyOf(name) ?? assert.fail(name);
const question = (name: string, type = 1): Question => ({
  name: key(name),
  type,
  dnssecOk: false,
  checkingDisabled: false,
});
const address = (name: string, last: number, ttlSec = 60): DnsRecord => ({
  name: key(name),
  ttlSec,
  data: { type: "A", address: Buffer.from([192, 0, 2, last]) },
});
const soa: DnsRecord = {
  name: key("example.com"),
  ttlSec: 300,
  data: { type: "SOA", primary: key("ns.example.com"), mailbox: key("h.example.com"), numbers: [1, 2, 3, 4, 30] },
};

function forwarderTo(
  upstreams: readonly string[],
  options: { clock?: Clock; attemptTimeoutMs?: number; totalTimeoutMs?: number; maxInFlight?: number } = {},
): Forwarder {
  const { clock = systemClock, ...rest } = options;
  return new Forwarder({ upstreams: upstreams.map(parseUpstream), clock, log: createLog(() => undefined), ...rest });
}

async function resolve(forwarder: Forwarder, asked: Question): Promise<string[]> {
  const { body, ageSec } = await forwarder.resolve(asked);
  const packet = Buffer.concat([
    Buffer.from("123401000001000000000000", "hex"),
    Buffer.from(`${asked.name}\0\0${String.fromCharCode(asked.type)}\0\x01`, "latin1"),
  ]);
  const parsed = parseQuery(packet);
  assert.ok(parsed.kind === "query");
  const message = decodeMessage(
    compose(parsed.query, body, { protocol: "tcp", recursion: true, random: () => 0, ageSec }),
  );
  return [statusOf(message), ...message.answers.map(describeRecord)];
}

describe("Forwarder", () => {
  test("asks over UDP, keeps the answer for its TTL, counts the TTL down", async () => {
    const clock = new ManualClock(0);
    const { asked, respond } = responder(() => ({ answers: [address("www.example.com", 1)] }));
    const forwarder = forwarderTo([`127.0.0.1:${await listenUdp(respond)}`], { clock });
    assert.deepEqual(await resolve(forwarder, question("www.example.com")), [
      "NOERROR ra",
      "www.example.com 60 A 192.0.2.1",
    ]);
    clock.advance(20_000);
    assert.deepEqual(await resolve(forwarder, question("www.example.com")), [
      "NOERROR ra",
      "www.example.com 40 A 192.0.2.1",
    ]);
    assert.equal(asked.length, 1);
    clock.advance(40_000);
    await resolve(forwarder, question("www.example.com"));
    assert.equal(asked.length, 2);
  });

  test("keeps a no as long as its SOA says (RFC 2308), and one without an SOA not at all", async () => {
    const clock = new ManualClock(0);
    const { asked, respond } = responder((name) => ({
      rcode: 3,
      authority: name === key("a.example.com") ? [soa] : [],
    }));
    const forwarder = forwarderTo([`127.0.0.1:${await listenUdp(respond)}`], { clock });
    for (let i = 0; i < 2; i++) assert.deepEqual(await resolve(forwarder, question("a.example.com")), ["NXDOMAIN ra"]);
    assert.equal(asked.length, 1);
    clock.advance(30_000);
    await resolve(forwarder, question("a.example.com"));
    assert.equal(asked.length, 2);
    for (let i = 0; i < 2; i++) await resolve(forwarder, question("b.example.com"));
    assert.equal(asked.length, 4);
  });

  test("asks again over TCP when the answer was cut off", async () => {
    const answers = Array.from({ length: 200 }, (_, i) => address("big.example.com", i));
    const { asked, respond } = responder(() => ({ answers }));
    const port = await listenUdp(respond);
    await listenStream(respond, { port, host: "127.0.0.1" });
    assert.equal((await resolve(forwarderTo([`127.0.0.1:${port}`]), question("big.example.com"))).length, 201);
    assert.deepEqual(asked, ["udp", "tcp"]);
  });

  test("asks over a unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-dns-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const { asked, respond } = responder(() => ({ answers: [address("www.example.com", 2)] }));
    await listenStream(respond, { path: join(folder, "dns.sock") });
    const forwarder = forwarderTo([`unix:${join(folder, "dns.sock")}`]);
    assert.deepEqual(await resolve(forwarder, question("www.example.com")), [
      "NOERROR ra",
      "www.example.com 60 A 192.0.2.2",
    ]);
    assert.deepEqual(asked, ["tcp"]);
  });

  test("equal questions at one time are asked once", async () => {
    const { asked, respond } = responder(() => ({ answers: [address("www.example.com", 1, 0)] }));
    const forwarder = forwarderTo([`127.0.0.1:${await listenUdp(respond)}`]);
    await Promise.all(Array.from({ length: 50 }, () => resolve(forwarder, question("www.example.com"))));
    assert.equal(asked.length, 1);
    await resolve(forwarder, question("www.example.com"));
    assert.equal(asked.length, 2, "TTL 0 is not kept");
  });

  test("a server that is silent or gone is passed over, and asked last from then on", async () => {
    const silent = responder(() => undefined);
    const good = responder((name) => ({ answers: [{ ...address("x", 1), name }] }));
    const upstreams = [await listenUdp(silent.respond), await listenUdp(good.respond)].map(
      (port) => `127.0.0.1:${port}`,
    );
    const forwarder = forwarderTo(upstreams, { attemptTimeoutMs: 30 });
    for (let i = 0; i < 20; i++)
      assert.equal((await resolve(forwarder, question(`n${i}.example.com`)))[0], "NOERROR ra");
    assert.ok(silent.asked.length <= 1, `asked ${silent.asked.length} times`);
  });

  test("SERVFAIL when nobody answers, REFUSED with nobody to ask and beyond the limit", async () => {
    const { respond } = responder(() => undefined);
    const forwarder = forwarderTo([`127.0.0.1:${await listenUdp(respond)}`], { attemptTimeoutMs: 30, maxInFlight: 1 });
    const first = resolve(forwarder, question("a.example.com"));
    assert.deepEqual(await resolve(forwarder, question("b.example.com")), ["REFUSED ra"]);
    assert.deepEqual(await first, ["SERVFAIL ra"]);
    assert.deepEqual([forwarder.rejected, forwarder.failures], [1, 1]);
    assert.deepEqual(await resolve(forwarderTo([]), question("a.example.com")), ["REFUSED ra"]);
  });

  test("an answer to another question is not taken (DNS-261)", async () => {
    const udp = createSocket("udp4");
    udp.on("message", (packet, from) => {
      const bytes = Buffer.from(packet);
      bytes[2] = 0x80;
      bytes[13] = "z".charCodeAt(0);
      udp.send(bytes, from.port, from.address);
    });
    await new Promise<void>((done) => udp.bind(0, "127.0.0.1", done));
    closers.push(() => udp.close());
    assert.deepEqual(await resolve(forwarderTo([`127.0.0.1:${udp.address().port}`]), question("a.example.com")), [
      "SERVFAIL ra",
    ]);
  });

  test("parseUpstream() says what is wrong", () => {
    for (const good of ["10.0.0.53", "10.0.0.53:5353", "[fd00::1]:53", "fd00::1", "unix:/run/dns.sock"])
      assert.equal(parseUpstream(good).name, good);
    for (const bad of ["", "dns.example.com", "10.0.0.53:0", "10.0.0.53:99999", "unix:relative", "10.0.0.300"])
      assert.throws(() => parseUpstream(bad), RangeError);
  });
});
