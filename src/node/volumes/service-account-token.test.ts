import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "../../api/object.ts";
import type { ApiClient } from "../../client/client.ts";
import { ManualClock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { renewAtMs, renewTokens, requestTokens } from "./service-account-token.ts";

const hourMs = 3600_000;
const token = (path: string, audience?: string) => ({
  serviceAccountToken: { path, expirationSeconds: 3600, ...(audience ? { audience } : {}) },
});
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", uid: "u" },
  spec: {
    containers: [],
    serviceAccountName: "web",
    volumes: [
      { name: "a", projected: { sources: [token("token"), token("vault", "vault")] } },
      { name: "b", projected: { sources: [token("again")] } },
      { name: "c", emptyDir: {} },
    ],
  },
};

/** An API server that counts its tokens; `fail` makes the next request fail. */
function fixture() {
  const clock = new ManualClock(Date.parse("2026-01-01T00:00:00Z"));
  const asked: string[] = [];
  let failures = 0;
  const create = async (_resource: unknown, object: { spec: { audiences: string[] } }, options: unknown) => {
    if (failures > 0) {
      failures -= 1;
      throw new Error("no answer");
    }
    asked.push(JSON.stringify([options, object.spec]));
    const expirationTimestamp = new Date(clock.now() + hourMs).toISOString();
    return { ...object, status: { token: `token-${asked.length}`, expirationTimestamp } };
  };
  const client = { create } as unknown as ApiClient;
  return { clock, client, asked, fail: () => void failures++ };
}

test("each audience is asked for once, bound to the Pod", async () => {
  const context = fixture();
  const tokens = await requestTokens(context, pod, pod.spec.volumes ?? []);
  assert.deepEqual([...tokens.keys()], ["3600 ", "3600 vault"]);
  const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u" };
  assert.deepEqual(JSON.parse(context.asked[1] ?? ""), [
    { subresource: "token", name: "web" },
    { audiences: ["vault"], expirationSeconds: 3600, boundObjectRef },
  ]);
});

test("a token is renewed after four fifths of its life, and once a day", () => {
  assert.equal(renewAtMs({ token: "", requestedMs: 1000, expiresMs: 1000 + hourMs }), 1000 + 0.8 * hourMs);
  assert.equal(renewAtMs({ token: "", requestedMs: 0, expiresMs: 1000 * hourMs }), 24 * hourMs);
});

test("the new token is there before the old one ends, and again after a failure, until the Pod goes", async () => {
  const { clock, client, fail } = fixture();
  const onlyA = { ...pod, spec: { ...pod.spec, volumes: [{ name: "a", projected: { sources: [token("token")] } }] } };
  const tokens = await requestTokens({ client, clock }, onlyA, onlyA.spec.volumes);
  let present = "token-1";
  const replace = async (_key: string, next: { token: string }) => {
    present = next.token;
  };
  const stop = new AbortController();
  const log = createLog(() => {});
  renewTokens({ client, clock, log, signal: stop.signal, replace }, onlyA, tokens);
  const read = async (): Promise<string> => {
    await delay(50);
    return present;
  };
  clock.advance(0.8 * hourMs - 1);
  assert.equal(await read(), "token-1");
  clock.advance(1);
  assert.equal(await read(), "token-2");
  fail();
  clock.advance(0.8 * hourMs);
  assert.equal(await read(), "token-2");
  clock.advance(60_000);
  assert.equal(await read(), "token-3");
  stop.abort();
  clock.advance(10 * hourMs);
  assert.equal(await read(), "token-3");
});
