import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../../api/object.ts";
import { available, resolveRollingUpdate, rollOut, scaleInProportion, specReplicas, sum } from "./scale.ts";

const deployment = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", namespace: "ns" },
  spec: {
    replicas,
    selector: {},
    template: {},
    // The published type knows numbers only.
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } as never },
  },
});
const replicaSet = (name: string, replicas: number, availableReplicas = replicas): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name, namespace: "ns" },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas },
});

const bounds: [number, number | string, number | string, number, number][] = [
  [10, "25%", "25%", 3, 2],
  [1, "25%", "25%", 1, 0],
  [4, 0, 0, 0, 1],
  [3, 0, "50%", 0, 1],
  [2, 1, 5, 1, 2],
];
for (const [replicas, surge, unavailable, maxSurge, maxUnavailable] of bounds) {
  test(`resolveRollingUpdate(): ${replicas} replicas, surge ${surge}, unavailable ${unavailable}`, () => {
    assert.deepEqual(resolveRollingUpdate(deployment(replicas, surge, unavailable).spec), { maxSurge, maxUnavailable });
  });
}

test("rollOut() always ends, and keeps within surge and availability when Pods come up one by one", () => {
  for (const replicas of [1, 2, 3, 7, 20]) {
    for (const [surge, unavailable] of [
      [1, 0],
      [0, 1],
      ["25%", "25%"],
      [3, 2],
      ["100%", 0],
    ] as const) {
      const wanted = deployment(replicas, surge, unavailable);
      const { maxSurge, maxUnavailable } = resolveRollingUpdate(wanted.spec);
      let all = [replicaSet("new", 0), replicaSet("old", replicas)];
      let steps = 0;
      for (; steps < 500; steps++) {
        const [current, ...old] = all as [ReplicaSet, ...ReplicaSet[]];
        const scalings = rollOut(wanted, { current, old, oldPodsRemain: false });
        const target = new Map(scalings.map((one) => [one.replicaSet.metadata.name, one.replicas]));
        let started = false;
        all = all.map((one) => {
          const count = target.get(one.metadata.name) ?? specReplicas(one);
          // One Pod of the new one becomes available at each step.
          const grows = !started && available(one) < count && one.metadata.name === "new";
          started ||= grows;
          return replicaSet(one.metadata.name, count, Math.min(count, available(one) + (grows ? 1 : 0)));
        });
        assert.ok(sum(all, specReplicas) <= replicas + maxSurge, "surge");
        assert.ok(sum(all, available) >= replicas - maxUnavailable, "availability");
        if (scalings.length === 0 && !started) break;
      }
      assert.deepEqual(all.map(specReplicas), [replicas, 0], `${replicas} ${surge} ${unavailable} in ${steps} steps`);
    }
  }
});

test("rollOut() lets broken old Pods go first", () => {
  const old = [replicaSet("a", 2, 0), replicaSet("b", 4, 4)];
  const scalings = rollOut(deployment(4, 2, 0), { current: replicaSet("new", 0, 0), old, oldPodsRemain: true });
  assert.deepEqual(
    scalings.map((one) => [one.replicaSet.metadata.name, one.replicas]),
    [["a", 0]],
  );
});

test("scaleInProportion(): a change of size in the middle of a roll-out is shared", () => {
  const input = { current: replicaSet("new", 5), old: [replicaSet("old", 8)] };
  const scalings = scaleInProportion(deployment(20, 3, 2), input);
  const sizes = new Map(scalings.map((one) => [one.replicaSet.metadata.name, one.replicas]));
  assert.deepEqual([sizes.get("old"), sizes.get("new")], [15, 8]);
  const only = scaleInProportion(deployment(7, 1, 0), { current: replicaSet("new", 3), old: [replicaSet("old", 0)] });
  assert.deepEqual(
    only.map(({ replicas }) => replicas),
    [7],
  );
});
