import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCidr } from "../../../net/cidr.ts";
import type { Endpoint } from "../../state.ts";
import { seededRandom } from "../../testing/churn.ts";
import { settings } from "../../testing/fixtures.ts";
import { createChooser } from "./choice.ts";
import type { Target } from "./model.ts";

const endpoint = (n: number): Endpoint => ({ ip: `10.244.0.${n}`, port: 8080, local: n === 1, unplaced: false });
const all = [1, 2, 3].map(endpoint);

function target(overrides: Partial<Target> = {}): Target {
  const base = {
    name: "default/web:/TCP/IPv4",
    service: "default/web",
    affinitySec: 0,
    ranges: [],
    serving: new Set<string>(),
  };
  return { ...base, near: all, far: all, ...overrides };
}

function chooser(clock = { ms: 0 }) {
  const context = () => ({ settings: settings(), own: new Set(["172.18.0.2"]) });
  return createChooser({ random: seededRandom(3), now: () => clock.ms, context });
}

const names = (endpoints: readonly Endpoint[]): string[] => endpoints.map(({ ip }) => ip.slice("10.244.0.".length));

describe("userspace: order()", () => {
  it("P61 puts each endpoint first equally often (chi-squared), and all others after it", () => {
    const choose = chooser();
    const first = new Map<string, number>();
    for (let n = 0; n < 9_000; n++) {
      const order = names(choose.order(target(), "192.0.2.1"));
      assert.deepEqual([...order].sort(), ["1", "2", "3"]);
      first.set(order[0] ?? "", (first.get(order[0] ?? "") ?? 0) + 1);
    }
    const chi = ["1", "2", "3"].reduce((sum, name) => sum + ((first.get(name) ?? 0) - 3_000) ** 2 / 3_000, 0);
    assert.ok(chi < 13.8, `chi-squared ${chi}`);
  });
  it("P82 gives Pods and processes of the node every endpoint, others those that are for them", () => {
    const choose = chooser();
    const local = target({ far: [endpoint(1)] });
    for (const near of ["127.0.0.1", "::1", "172.18.0.2", "10.244.3.9"]) {
      assert.equal(choose.order(local, near).length, 3, near);
    }
    assert.deepEqual(names(choose.order(local, "192.0.2.1")), ["1"]);
  });
  it("P125 serves nobody outside the ranges", () => {
    const choose = chooser();
    const ranges = [parseCidr("192.0.2.0/24")].filter((cidr) => cidr !== undefined);
    assert.equal(choose.order(target({ ranges }), "192.0.2.9").length, 3);
    assert.deepEqual(choose.order(target({ ranges }), "198.51.100.1"), []);
  });
  it("P97 begins with the endpoint that the client had, P103 for so long, renewed by each connection", () => {
    const clock = { ms: 0 };
    const choose = chooser(clock);
    const sticky = target({ affinitySec: 10 });
    const first = () => names(choose.order(sticky, "192.0.2.1"))[0];
    choose.remember(sticky, "192.0.2.1", endpoint(2));
    for (clock.ms = 0; clock.ms < 9_900; clock.ms += 100) assert.equal(first(), "2");
    choose.remember(sticky, "192.0.2.1", endpoint(2));
    for (; clock.ms < 19_800; clock.ms += 100) assert.equal(first(), "2");
    clock.ms = 20_000;
    const later = new Set(Array.from({ length: 50 }, first));
    assert.equal(later.size, 3);
  });
  it("P100, P101 forgets an endpoint that is gone, and the Service port too", () => {
    const choose = chooser();
    const sticky = target({ affinitySec: 10 });
    const firsts = () => new Set(Array.from({ length: 50 }, () => names(choose.order(sticky, "192.0.2.1"))[0]));
    choose.remember(sticky, "192.0.2.1", endpoint(2));
    choose.retain(sticky.name, new Set(["10.244.0.2:8080"]));
    assert.deepEqual(firsts(), new Set(["2"]));
    choose.retain(sticky.name, new Set(["10.244.0.1:8080"]));
    assert.equal(firsts().size, 3);
    choose.remember(sticky, "192.0.2.1", endpoint(2));
    choose.retain(sticky.name, undefined);
    assert.equal(firsts().size, 3);
  });
});
