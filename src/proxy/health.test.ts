import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { Node } from "../api/object.ts";
import { systemClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import { Health } from "./health.ts";
import { createProxyMetrics } from "./metrics.ts";
import { serveHealth, serveMetrics } from "./server.ts";

const node = (more: object = {}, spec: object = {}) =>
  ({ apiVersion: "v1", kind: "Node", metadata: { name: "n", ...more }, spec }) as Node;
const doomed = { taints: [{ key: "ToBeDeletedByClusterAutoscaler", effect: "NoSchedule" }] };

describe("Health", () => {
  it("P168 is healthy until a change has waited for too long, and again when it is written", () => {
    const health = new Health(60_000);
    assert.equal(health.isHealthy(0), true);
    health.queued(1_000);
    health.queued(50_000);
    assert.equal(health.isHealthy(60_999), true);
    assert.equal(health.isHealthy(61_000), false);
    health.updated(61_001, "IPv4");
    assert.equal(health.isHealthy(500_000), true);
  });
  it("P168 P171 one family that is late makes the whole unhealthy, and the answer says which", () => {
    const health = new Health(60_000, ["IPv4", "IPv6"]);
    health.queued(1_000);
    health.updated(2_000, "IPv4");
    const { status, body } = health.answer(61_000, false);
    assert.equal(status, 503);
    assert.deepEqual(body, {
      lastUpdated: "1970-01-01T00:00:02.000Z",
      currentTime: "1970-01-01T00:01:01.000Z",
      healthy: false,
      status: {
        IPv4: { lastUpdated: "1970-01-01T00:00:02.000Z", healthy: true },
        IPv6: { lastUpdated: "1970-01-01T00:00:00.000Z", healthy: false },
      },
    });
    health.updated(62_000, "IPv6");
    assert.equal(health.answer(70_000, false).body.lastUpdated, "1970-01-01T00:01:10.000Z", "when 200, it is now");
  });
  it("P266 a clock that is set makes nothing late", () => {
    const health = new Health(60_000);
    health.queued(1_000);
    const { status, body } = health.answer(2_000, false, 86_400_000);
    assert.deepEqual([status, body.currentTime], [200, "1970-01-02T00:00:00.000Z"]);
    assert.equal(health.answer(61_000, false, 0).status, 503);
  });
  it("P220 is ready when each family has been written once", () => {
    const health = new Health(60_000, ["IPv4", "IPv6"]);
    health.updated(1, "IPv4");
    assert.deepEqual(health.readiness(), { status: 503, body: { synced: false } });
    health.updated(1, "IPv6");
    assert.deepEqual(health.readiness(), { status: 200, body: { synced: true } });
  });
  const eligibility: [string, Node | undefined, 200 | 503][] = [
    ["P169 no Node object", undefined, 503],
    ["P169 an ordinary Node", node(), 200],
    ["P169 a Node that is being deleted", node({ deletionTimestamp: "2026-01-01T00:00:00Z" }), 503],
    ["P169 a Node that the autoscaler will delete", node({}, doomed), 503],
    [
      "P172 a Node with another taint",
      node({}, { taints: [{ key: "x", effect: "NoExecute" }], unschedulable: true }),
      200,
    ],
  ];
  for (const [name, object, want] of eligibility) {
    it(name, () => {
      const health = new Health(1_000);
      health.setNode(object);
      assert.equal(health.answer(0, true).status, want);
      assert.equal(health.answer(0, false).status, 200, "P169 /livez does not ask for it");
    });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ask(port: number, path: string): Promise<{ status: number; text: string; type: string | null }> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, text: await answer.text(), type: answer.headers.get("content-type") };
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

it("P167 P171 P173 serves health and metrics", async () => {
  const abort = new AbortController();
  const health = new Health(1_000);
  const metrics = createProxyMetrics();
  const options = {
    health,
    metrics,
    mode: "nftables",
    config: { a: 1 },
    clock: systemClock,
    log: createLog(() => {}),
    signal: abort.signal,
  };
  const [healthPort, metricsPort] = [await freePort(), await freePort()];
  serveHealth(`127.0.0.1:${healthPort}`, options);
  serveMetrics(`127.0.0.1:${metricsPort}`, options);
  try {
    assert.equal((await ask(healthPort, "/healthz")).status, 503);
    health.setNode(node());
    const answer = await ask(healthPort, "/healthz");
    assert.deepEqual([answer.status, answer.type], [200, "application/json"]);
    const { nodeEligible, healthy } = JSON.parse(answer.text);
    assert.deepEqual({ nodeEligible, healthy }, { nodeEligible: true, healthy: true });
    assert.equal((await ask(healthPort, "/livez?verbose")).status, 200);
    assert.equal((await ask(healthPort, "/nothing")).status, 404);
    assert.equal((await ask(metricsPort, "/proxyMode")).text, "nftables");
    assert.match((await ask(metricsPort, "/metrics")).text, /kubeproxy_proxy_healthz_total\{code="503"\} 1/);
    assert.equal((await ask(metricsPort, "/configz")).text, '{"kubeproxy.config.k8s.io":{"a":1}}');
  } finally {
    abort.abort();
  }
});
