import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openIptables } from "../../../kernel/iptables/linux.ts";
import { type Iptables, IptablesError } from "../../../kernel/iptables/port.ts";
import type { ServicePort } from "../../state.ts";
import { randomService, seededRandom } from "../../testing/churn.ts";
import { settings } from "../../testing/fixtures.ts";
import type { DataPlane, Report } from "../port.ts";
import { open, prepare, ruleset } from "./conformance.ts";
import { createIptablesDataPlane } from "./plane.ts";

type State = Map<string, readonly ServicePort[]>;

const reason = prepare();

function clean(report: Report | undefined): Report["families"] {
  for (const family of report?.families ?? []) {
    assert.equal(family.error, undefined);
    assert.deepEqual(family.refused, []);
  }
  return report?.families ?? [];
}

async function start(plane: DataPlane, services: ReadonlyMap<string, readonly ServicePort[]>): Promise<DataPlane> {
  await plane.adopt();
  clean(await plane.sync({ services, full: true, settings: settings() }));
  return plane;
}

function randomState(count: number, seed: number): State {
  const random = seededRandom(seed);
  return new Map(Array.from({ length: count }, (_, n) => [`default/s${n}`, randomService(n, random)] as const));
}

async function coldStart(state: State, variant: Iptables["variant"]): Promise<string> {
  const { plane, tools } = open(variant);
  await start(plane, state);
  return ruleset(tools);
}

for (const variant of ["nft", "legacy"] as const) {
  describe(`iptables data plane on the kernel (${variant})`, { skip: reason }, () => {
    it("P205 a restart without a change writes nothing, and one with a change only that", async () => {
      const { plane, tools, again } = open(variant);
      const state = randomState(20, 2);
      await start(plane, state);
      const generation = tools[0]?.generation();
      const second = again();
      await second.adopt();
      const written = (report: Report) => clean(report).map(({ added, removed }) => added + removed);
      assert.deepEqual(written(await second.sync({ services: state, full: true, settings: settings() })), [0, 0]);
      if (generation !== undefined) assert.equal(tools[0]?.generation(), generation);
      state.delete("default/s3");
      const third = again();
      await third.adopt();
      const [count = 0] = written(await third.sync({ services: state, full: true, settings: settings() }));
      assert.ok(count > 0 && count < 60, `${count} rules written for one Service`);
      assert.equal(await ruleset(tools), await coldStart(state, variant));
    });
    it("P216 brings back a chain, a rule and a jump that somebody else took away, and undoes an edit", async () => {
      const { plane, tools } = open(variant);
      await start(plane, randomState(10, 3));
      const [tool] = tools;
      assert.ok(tool);
      const before = await ruleset(tools);
      assert.equal(await plane.verify(), undefined);
      const edits = [
        "*nat\n-D PREROUTING 1\nCOMMIT\n",
        "*nat\n-D FAIRLEAD-POSTROUTING 1\nCOMMIT\n",
        "*filter\n-R FAIRLEAD-REJECT 2 -j DROP\nCOMMIT\n",
        "*mangle\n-F FAIRLEAD-FIREWALL\nCOMMIT\n",
        "*nat\n-F\nCOMMIT\n",
      ];
      for (const edit of edits) {
        await tool.restore(edit);
        assert.notEqual(await ruleset(tools), before, edit);
        await new Promise((resolve) => setTimeout(resolve, 10));
        const report = await until(() => plane.verify());
        clean(report);
        assert.equal(await ruleset(tools), before, edit);
      }
    });
    it("P215 leaves the rules of others as they are, and takes only its own away", async () => {
      const { plane, tools } = open(variant);
      const [tool] = tools;
      assert.ok(tool);
      await tool.restore("*filter\n:OTHER - [0:0]\n-A INPUT -j OTHER\n-A OTHER -s 192.0.2.1/32 -j DROP\nCOMMIT\n");
      const before = await ruleset(tools);
      await start(plane, randomState(10, 4));
      await plane.remove();
      assert.equal(await ruleset(tools), before);
      await plane.remove();
    });
    it("writes everything again when the settings change", async () => {
      const { plane, tools } = open(variant);
      const state = randomState(10, 5);
      await start(plane, state);
      const before = await ruleset(tools);
      const changed = settings({ masqueradeAll: true, masqueradeBit: 3, podCidrs: [] });
      clean(await plane.sync({ services: new Map(), full: false, settings: changed }));
      assert.notEqual(await ruleset(tools), before);
      clean(await plane.sync({ services: new Map(), full: false, settings: settings() }));
      assert.equal(await ruleset(tools), before);
    });
    it("P211 leaves out the Service that is refused, writes all others, and takes it when it can", async () => {
      const { tools } = open(variant);
      const faulty = { line: /"default\/s7:/ as RegExp | undefined };
      const refusing = (tool: Iptables): Iptables => ({
        ...tool,
        async restore(text) {
          if (faulty.line?.test(text)) throw new IptablesError("refused");
          return tool.restore(text);
        },
      });
      const plane = createIptablesDataPlane({ open: (family) => refusing(openIptables(family, variant)) });
      const all = randomState(20, 6);
      await plane.adopt();
      clean(await plane.sync({ services: new Map(), full: true, settings: settings() }));
      const report = await plane.sync({ services: all, full: false });
      assert.deepEqual(report.families[0]?.refused, ["default/s7"]);
      const others = new Map([...all].filter(([name]) => name !== "default/s7"));
      const now = await ruleset(tools);
      faulty.line = undefined;
      clean(await plane.sync({ services: new Map([["default/s7", all.get("default/s7") ?? []]]), full: false }));
      const whole = await ruleset(tools);
      assert.equal(now, await coldStart(others, variant));
      assert.equal(whole, await coldStart(all, variant));
    });
  });
}

/** verify() spares the machine: it may look only a moment later. */
async function until(look: () => Promise<Report | undefined>): Promise<Report> {
  for (let i = 0; i < 1_000; i++) {
    const report = await look();
    if (report) return report;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("verify() never saw the change");
}
