import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;

const pods = "/api/v1/namespaces/default/pods";
const strategic = "application/strategic-merge-patch+json";
const resources = { requests: { cpu: "100m", memory: "10Mi" }, limits: { cpu: "200m", memory: "10Mi" } };
const pod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "c", image: "busybox", resources }] },
});
const patch = (path: string, spec: object) => ask("PATCH", path, { type: strategic, body: { spec } });

test("ephemeralcontainers adds containers to a Pod, and nothing else of it changes", async () => {
  await ask("POST", pods, { body: pod("debugged") });
  const at = `${pods}/debugged/ephemeralcontainers`;
  const debug = { name: "debug", image: "busybox", stdin: true };
  const added = await patch(at, { ephemeralContainers: [debug], activeDeadlineSeconds: 5 });
  assert.equal(added.code, 200, added.text);
  const { spec } = (await ask("GET", at)).body;
  assert.deepEqual(
    [spec.ephemeralContainers[0].name, spec.ephemeralContainers[0].imagePullPolicy, spec.activeDeadlineSeconds],
    ["debug", "Always", undefined],
  );
  const changed = await patch(at, { ephemeralContainers: [{ ...debug, image: "other" }] });
  assert.equal(changed.code, 422);
  assert.match(changed.body.message, /existing ephemeral containers "debug" may not be changed/);
  const direct = await patch(`${pods}/debugged`, { ephemeralContainers: [{ name: "more", image: "busybox" }] });
  assert.equal(direct.code, 422);
});

test("resize changes CPU and memory of containers", async () => {
  await ask("POST", pods, { body: pod("small") });
  const resize = (container: object) => patch(`${pods}/small/resize`, { containers: [{ name: "c", ...container }] });
  const resized = await resize({ resources: { requests: { cpu: "150m" } } });
  assert.equal(resized.code, 200, resized.text);
  assert.deepEqual(resized.body.spec.containers[0].resources.requests, { cpu: "150m", memory: "10Mi" });
  const faults: readonly [container: object, fault: RegExp][] = [
    [{ image: "other" }, /spec: Forbidden: only cpu and memory resources are mutable/],
    [{ resources: { requests: { cpu: "200m" }, limits: { memory: "10Mi", cpu: "200m" } } }, /QOS Class may not change/],
    [{ resources: { limits: { cpu: null } } }, /limits: Forbidden: resource limits cannot be removed/],
  ];
  for (const [container, fault] of faults) {
    const { code, body } = await resize(container);
    assert.equal(code, 422);
    assert.match(body.message, fault);
  }
});
