import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import type { Probe } from "kubernetes-types/core/v1";
import { writeCertificates } from "../testing/certificates.ts";
import { makeProbe } from "./probe-action.ts";

interface Listening {
  listen(port: number, host: string): unknown;
  address(): AddressInfo | string | null;
  close(): unknown;
  once(event: string, listener: () => void): unknown;
}

async function portOf(t: TestContext, server: Listening): Promise<number> {
  const up = new Promise<void>((resolve) => void server.once("listening", resolve));
  server.listen(0, "127.0.0.1");
  await up;
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const probe = (action: Probe, more: { ports?: { name: string; containerPort: number }[]; timeoutMs?: number } = {}) =>
  makeProbe(action, {
    ip: "127.0.0.1",
    container: { ports: more.ports ?? [] },
    timeoutMs: more.timeoutMs ?? 5_000,
    exec: async (argv) => ({
      exitCode: argv[0] === "true" ? 0 : argv[0] === "slow" ? undefined : 1,
      output: "said no\n",
    }),
  });

test("httpGet: status, headers, named ports, redirects of this host and of another", async (t) => {
  const seen: string[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(`${request.url} ${request.headers["user-agent"]} ${request.headers.host} ${request.headers["x-one"]}`);
    if (request.url === "/here") response.writeHead(302, { location: "/ok?x=1" });
    else if (request.url === "/circle") response.writeHead(302, { location: "/circle" });
    else if (request.url === "/away") response.writeHead(302, { location: "http://192.0.2.1/" });
    else response.writeHead(request.url?.startsWith("/ok") ? 204 : 500);
    response.end();
  };
  const port = await portOf(t, createHttp(answer));
  const httpHeaders = [
    { name: "Host", value: "shop.example" },
    { name: "X-One", value: "a" },
    { name: "X-One", value: "b" },
  ];
  const ports = [{ name: "web", containerPort: port }];
  assert.deepEqual(await probe({ httpGet: { path: "/ok", port: "web", httpHeaders } }, { ports }), { ok: true });
  assert.deepEqual(seen, ["/ok kube-probe/1.36 shop.example a, b"]);
  assert.deepEqual(await probe({ httpGet: { path: "here", port } }), { ok: true });
  assert.match(seen.at(-1) ?? "", /^\/ok\?x=1 /);
  const away = await probe({ httpGet: { path: "/away", port } });
  assert.match((away.ok && away.warning) || "", /192\.0\.2\.1/);
  const messages = {
    "/bad": "HTTP probe failed with statuscode: 500",
    "/circle": `Get "http://127.0.0.1:${port}/circle": stopped after 10 redirects`,
  };
  for (const [path, message] of Object.entries(messages)) {
    assert.deepEqual(await probe({ httpGet: { path, port } }), { ok: false, message });
  }
  assert.deepEqual(await probe({ httpGet: { port: "none" } }), {
    ok: false,
    message: 'the container has no port named "none"',
  });
});

test("httpGet with scheme HTTPS verifies no certificate", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-probe-"));
  t.after(() => rmSync(directory, { recursive: true }));
  await writeCertificates(directory);
  const read = (name: string) => readFileSync(join(directory, name));
  const server = createHttps({ cert: read("server.crt"), key: read("server.key") }, (_, response) =>
    response.end("ok"),
  );
  const port = await portOf(t, server);
  assert.deepEqual(await probe({ httpGet: { port, scheme: "HTTPS" } }), { ok: true });
});

test("tcpSocket and exec", async (t) => {
  const server = createTcp();
  const port = await portOf(t, server);
  assert.deepEqual(await probe({ tcpSocket: { port } }), { ok: true });
  server.close();
  await once(server, "close");
  const refused = await probe({ tcpSocket: { port, host: "127.0.0.1" } });
  assert.deepEqual(refused, { ok: false, message: `dial tcp 127.0.0.1:${port}: connect: connection refused` });
  assert.deepEqual(await probe({ exec: { command: ["true"] } }), { ok: true });
  assert.deepEqual(await probe({ exec: { command: ["no"] } }), { ok: false, message: "said no" });
  assert.match(JSON.stringify(await probe({ exec: { command: ["slow"] } })), /timed out after 5s/);
});

test("grpc: SERVING is good; other words, errors and silence are not", async (t) => {
  const asked: string[] = [];
  const server = createHttp2();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    let body = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
    });
    stream.on("end", () => {
      const service = body.subarray(5).toString().slice(2);
      asked.push(`${headers[":path"]} ${body.readUInt32BE(1)} ${service}`);
      if (service === "silent") return;
      if (service === "unknown") {
        stream.respond(
          { "content-type": "application/grpc", "grpc-status": "12", "grpc-message": "no%20such" },
          { endStream: true },
        );
        return;
      }
      stream.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, service === "down" ? 2 : 1]));
    });
  });
  const port = await portOf(t, server);
  const grpc = (service?: string) => ({ grpc: { port, ...(service !== undefined && { service }) } });
  assert.deepEqual(await probe(grpc()), { ok: true });
  assert.deepEqual(await probe(grpc("live")), { ok: true });
  assert.deepEqual(asked, ["/grpc.health.v1.Health/Check 0 ", "/grpc.health.v1.Health/Check 6 live"]);
  assert.deepEqual(await probe(grpc("down")), {
    ok: false,
    message: 'service unhealthy (responded with "NOT_SERVING")',
  });
  assert.match(JSON.stringify(await probe(grpc("unknown"))), /does not implement the grpc health protocol.*no such/);
  assert.match(
    JSON.stringify(await probe(grpc("silent"), { timeoutMs: 100 })),
    /within 0\.1s: context deadline exceeded/,
  );
  const free = await portOf(
    t,
    createTcp((socket) => socket.end("no HTTP/2\r\n")),
  );
  assert.equal((await probe({ grpc: { port: free } })).ok, false);
});
