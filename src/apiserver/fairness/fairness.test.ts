import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { startTestServer } from "../testing.ts";

const flowLimits = { seats: 8, seatsPerFlow: 2, queuePerFlow: 3, maxWaitMs: 300 };
const server = await startTestServer({ config: { flowLimits } });
const { ask, pki, port } = server;
after(() => server.close());

const path = "/api/v1/namespaces/default/configmaps";

/** A request whose body never comes. */
async function stall(): Promise<{ close(): void; readonly answer: Promise<string> }> {
  const { certificate: cert, key } = pki.client("control-plane");
  const socket = connect({ host: "127.0.0.1", port, ca: pki.ca, cert, key });
  await once(socket, "secureConnect");
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      if (/\r\n\r\n.*\}/s.test(text)) resolve(text);
    });
    socket.on("close", () => resolve(text));
  });
  return { close: () => void socket.destroy(), answer };
}

const waiting = async (): Promise<Record<string, number>> => {
  const { text } = await ask("GET", "/metrics");
  const read = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  return { seats: read("apiserver_flowcontrol_seats_in_use"), waiting: read("apiserver_flowcontrol_requests_waiting") };
};
async function until(want: Record<string, number>): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (JSON.stringify(await waiting()) === JSON.stringify(want)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(await waiting(), want);
}

test("a client that holds all it may is refused, others are served, and its seats come back", async () => {
  const stalled = [await stall(), await stall()];
  await until({ seats: 2, waiting: 0 });
  const queued = [await stall(), await stall(), await stall()];
  await until({ seats: 2, waiting: 3 });
  const refused = await ask("GET", path, { as: "control-plane" });
  assert.deepEqual([refused.code, refused.body.reason, refused.headers["retry-after"]], [429, "TooManyRequests", "1"]);
  assert.equal((await ask("GET", path)).code, 200);
  assert.equal((await ask("GET", "/readyz", { as: "control-plane" })).code, 200);
  for (const one of queued) assert.match(await one.answer, /^HTTP\/1\.1 429 /);
  for (const one of [...stalled, ...queued]) one.close();
  await until({ seats: 0, waiting: 0 });
  assert.equal((await ask("GET", path, { as: "control-plane" })).code, 200);
});

test("watches hold no seat", async () => {
  const watches = await Promise.all([1, 2, 3, 4].map(() => server.watch(`${path}?watch=1`)));
  assert.deepEqual(await waiting(), { seats: 0, waiting: 0 });
  assert.equal((await ask("GET", path)).code, 200);
  for (const watch of watches) watch.close();
});
