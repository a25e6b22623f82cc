/** The whole server on the loopback, asked with dig where the machine has it (Debian package bind9-dnsutils). */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { get } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { Namespace } from "../api/object.ts";
import { endpointSlices, namespaces, services } from "../api/resource.ts";
import { createMemoryClient } from "../client/testing/memory-client.ts";
import { createLog } from "../lib/log.ts";
import { compose, encodeBody } from "./body.ts";
import { type DnsServer, startDns } from "./start.ts";
import { describeAnswer, encodeQuery } from "./testing/dig.ts";
import { service, slice } from "./testing/objects.ts";
import { parseQuery } from "./wire/query.ts";

const hasDig = spawnSync("dig", ["-v"]).status === 0;
const skip = hasDig ? false : "dig is missing: install the Debian package bind9-dnsutils";
const client = createMemoryClient();
const abort = new AbortController();
const upstream = createSocket("udp4");
let server: DnsServer;

/** Answers *.example.com with 192.0.2.1, fails for others. */
function startUpstream(): Promise<void> {
  upstream.on("message", (packet, from) => {
    const parsed = parseQuery(packet);
    if (parsed.kind !== "query") return;
    const { name } = parsed.query;
    const known = name.endsWith("\x07example\x03com");
    const answers = known
      ? [{ name, ttlSec: 77, data: { type: "A", address: Buffer.from([192, 0, 2, 1]) } } as const]
      : [];
    const body = encodeBody(name, { answers }, { rcode: known ? 0 : 2, authoritative: false });
    const bytes = compose(parsed.query, body, { protocol: "udp", recursion: true, random: () => 0 });
    upstream.send(bytes, from.port, from.address);
  });
  return new Promise((resolve) => upstream.bind(0, "127.0.0.1", resolve));
}

before(async () => {
  await startUpstream();
  const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
  await client.create(namespaces, namespace);
  await client.create(
    services,
    service("default/backend", {
      clusterIP: "10.96.0.17",
      clusterIPs: ["10.96.0.17"],
      ports: [{ name: "http", port: 80 }],
    }),
  );
  await client.create(services, service("default/outside", { type: "ExternalName", externalName: "www.example.com" }));
  await client.create(services, service("default/broken", { type: "ExternalName", externalName: "www.example.org" }));
  await client.create(services, service("default/big", { clusterIP: "None" }));
  const endpoints = Array.from({ length: 900 }, (_, i) => ({ ip: `10.244.${i >> 8}.${i & 255}` }));
  await client.create(endpointSlices, slice("default/big", endpoints));
  server = await startDns({
    client,
    listen: { address: "127.0.0.1", port: 0 },
    clusterDomain: "cluster.local",
    upstreams: [`127.0.0.1:${upstream.address().port}`],
    log: createLog(() => undefined),
    signal: abort.signal,
    http: { health: 0, ready: 0, metrics: 0 },
    version: "test",
  });
});

after(() => {
  abort.abort();
  upstream.close();
});

async function dig(...args: string[]): Promise<{ status: string; flags: string; answers: string[] }> {
  const { stdout } = await promisify(execFile)("dig", [
    "@127.0.0.1",
    "-p",
    String(server.port),
    "+tries=1",
    "+time=2",
    ...args,
  ]);
  const answers = /;; ANSWER SECTION:\n([^;]*)\n\n/.exec(stdout)?.[1]?.split("\n") ?? [];
  return {
    status: /status: (\w+)/.exec(stdout)?.[1] ?? stdout,
    flags: /flags: ([\w ]*);/.exec(stdout)?.[1] ?? "",
    answers: answers.map((line) => line.replace(/\s+/g, " ")),
  };
}

function page(port: number, path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body }));
    }).on("error", reject);
  });
}

/** Timers that are due at once. */
function afterNow(_delayMs: number, callback: () => void): () => void {
  setImmediate(callback);
  return () => undefined;
}

describe("startDns()", () => {
  for (const transport of ["+notcp", "+tcp"]) {
    test(`dig ${transport}`, { skip }, async () => {
      const answer = await dig(transport, "backend.default.svc.cluster.local");
      assert.deepEqual(answer, {
        status: "NOERROR",
        flags: "qr aa rd ra",
        answers: ["backend.default.svc.cluster.local. 5 IN A 10.96.0.17"],
      });
      assert.equal((await dig(transport, "gone.default.svc.cluster.local")).status, "NXDOMAIN");
      assert.deepEqual(
        (await dig(transport, "+short", "-x", "10.96.0.17")).status.trim(),
        "backend.default.svc.cluster.local.",
      );
      assert.deepEqual((await dig(transport, "a.example.com")).answers, ["a.example.com. 77 IN A 192.0.2.1"]);
      assert.equal((await dig(transport, "a.example.org")).status, "SERVFAIL");
    });
  }

  test("dig follows TC to TCP for a large headless set", { skip }, async () => {
    assert.equal((await dig("+ignore", "big.default.svc.cluster.local")).flags, "qr aa tc rd ra");
    const { answers } = await dig("big.default.svc.cluster.local");
    assert.equal(new Set(answers).size, 900);
  });

  test("ExternalName: the alias, then what the upstream says of its target (DNS-070, DNS-079)", { skip }, async () => {
    const { status, answers } = await dig("outside.default.svc.cluster.local");
    assert.deepEqual(
      { status, answers },
      {
        status: "NOERROR",
        answers: [
          "outside.default.svc.cluster.local. 5 IN CNAME www.example.com.",
          "www.example.com. 77 IN A 192.0.2.1",
        ],
      },
    );
    const broken = await dig("broken.default.svc.cluster.local");
    assert.deepEqual(
      [broken.status, broken.answers],
      ["SERVFAIL", ["broken.default.svc.cluster.local. 5 IN CNAME www.example.org."]],
    );
  });

  test("many queries in pieces on one TCP connection are all answered", async () => {
    const socket = connect(server.port, "127.0.0.1");
    const names = Array.from({ length: 250 }, (_, i) =>
      i % 2 ? "backend.default.svc.cluster.local" : `n${i}.example.com`,
    );
    const frames = names.map((name, id) => {
      const query = encodeQuery(name, "A", { id });
      return Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]);
    });
    const bytes = Buffer.concat(frames);
    let received: Buffer = Buffer.alloc(0);
    const answered = new Map<number, string>();
    const done = new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          const message = received.subarray(2, 2 + received.readUInt16BE(0));
          received = received.subarray(2 + message.length);
          answered.set(message.readUInt16BE(0), describeAnswer(message)[0] ?? "");
        }
        if (answered.size === names.length) resolve();
      });
    });
    for (let at = 0; at < bytes.length; at += 1000) socket.write(bytes.subarray(at, at + 1000));
    await done;
    socket.destroy();
    assert.deepEqual(new Set(answered.values()), new Set(["NOERROR aa ra", "NOERROR ra"]));
  });

  test("a burst of datagrams from several clients: each gets its own answers, also those that upstreams give later", async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, burst));
    for (const answers of clients) {
      assert.equal(answers.size, 150);
      for (const [id, lines] of answers) {
        const want =
          id % 3 === 0 ? `n${id}.example.com 77 A 192.0.2.1` : "backend.default.svc.cluster.local 5 A 10.96.0.17";
        assert.equal(lines[1], want);
      }
    }
  });

  test("a change in the API is in the next answers", async () => {
    const query = encodeQuery("new.default.svc.cluster.local", "A");
    await client.create(services, service("default/new", { clusterIP: "10.96.0.20", clusterIPs: ["10.96.0.20"] }));
    const socket = createSocket("udp4");
    let answer: string[] = [];
    for (let tries = 0; tries < 50 && !answer[0]?.startsWith("NOERROR"); tries++) {
      const reply = new Promise<Buffer>((resolve) => socket.once("message", resolve));
      socket.send(query, server.port, "127.0.0.1");
      answer = describeAnswer(await reply);
    }
    socket.close();
    assert.deepEqual(answer, ["NOERROR aa ra", "new.default.svc.cluster.local 5 A 10.96.0.20"]);
  });

  test("/health, /ready and /metrics", async () => {
    assert.deepEqual(await page(server.http.health, "/health"), { status: 200, body: "OK" });
    assert.deepEqual(await page(server.http.ready, "/ready"), { status: 200, body: "OK" });
    assert.equal((await page(server.http.ready, "/other")).status, 404);
    const { body } = await page(server.http.metrics, "/metrics");
    assert.match(
      body,
      /^coredns_dns_requests_total\{server="dns:\/\/:\d+",zone="cluster\.local\.",view="",proto="udp",family="1",type="A"\} \d+$/m,
    );
    assert.match(body, /^coredns_dns_responses_total\{.*rcode="NOERROR",plugin="kubernetes"\} \d+$/m);
    assert.match(body, /^coredns_panics_total 0$/m);
    for (const line of body.trim().split("\n"))
      assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)*\})? [\d.e+-]+)$/);
  });

  test("without an API server: not ready, SERVFAIL for the cluster, others are forwarded", async () => {
    const ended = new AbortController();
    const away = { ...client, list: () => Promise.reject(new Error("away")), watch: refuse };
    const unsynced = await startDns({
      client: away as typeof client,
      listen: { address: "127.0.0.1", port: 0 },
      clusterDomain: "cluster.local",
      upstreams: [],
      log: createLog(() => undefined),
      signal: ended.signal,
      http: { health: 0, ready: 0, metrics: 0 },
      clock: { now: () => 0, elapsed: () => 0, after: afterNow },
    });
    assert.deepEqual(await page(unsynced.http.ready, "/ready"), { status: 503, body: "kubernetes" });
    assert.deepEqual(await page(unsynced.http.health, "/health"), { status: 200, body: "OK" });
    const socket = createSocket("udp4");
    const reply = new Promise<Buffer>((resolve) => socket.once("message", resolve));
    socket.send(encodeQuery("backend.default.svc.cluster.local", "A"), unsynced.port, "127.0.0.1");
    assert.deepEqual(describeAnswer(await reply), ["SERVFAIL aa"]);
    socket.close();
    ended.abort();
  });

  test("a port in use rejects and leaves nothing listening", async () => {
    const start = startDns({
      client,
      listen: { address: "127.0.0.1", port: server.port },
      clusterDomain: "cluster.local",
      upstreams: [],
      log: createLog(() => undefined),
      signal: abort.signal,
      http: { health: 0, ready: 0, metrics: 0 },
    });
    await assert.rejects(start, { code: "EADDRINUSE" });
  });
});

/** Sends 150 queries at once and returns the answers by id. */
async function burst(): Promise<Map<number, string[]>> {
  const socket = createSocket("udp4");
  const answers = new Map<number, string[]>();
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("message", (message) => {
    answers.set(message.readUInt16BE(0), describeAnswer(message));
    if (answers.size === 150) resolve();
  });
  const timer = setTimeout(resolve, 5_000);
  for (let id = 0; id < 150; id++) {
    const name = id % 3 === 0 ? `n${id}.example.com` : "backend.default.svc.cluster.local";
    socket.send(encodeQuery(name, "A", { id }), server.port, "127.0.0.1");
  }
  await promise;
  clearTimeout(timer);
  socket.close();
  return answers;
}

// biome-ignore lint/correctness/useYield: it is a stream that fails before its first event
async function* refuse(): AsyncGenerator<never> {
  throw new Error("away");
}
