import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { CLONE_NEWNET, hasCode, unshare } from "../../../kernel/ffi.ts";
import { type FakeNftables, fakeNftables } from "../../../kernel/nftables/fake.ts";
import { openNftables } from "../../../kernel/nftables/linux.ts";
import { type Nftables, type Table, TransactionError } from "../../../kernel/nftables/port.ts";
import { readSysctl, writeSysctl } from "../../../kernel/sysctl.ts";
import type { IpFamily } from "../../../net/ip.ts";
import { computeService } from "../../compute.ts";
import type { ServicePort } from "../../state.ts";
import { randomService, seededRandom } from "../../testing/churn.ts";
import { nodeA, service, settings, slice } from "../../testing/fixtures.ts";
import { propertySuite, unclosed } from "../../testing/properties.ts";
import type { Report, Settings } from "../port.ts";
import { setsOf, valuesOf, verdictMaps } from "./layout.ts";
import { createNftablesDataPlane, probeNftables } from "./plane.ts";
import { skeletonOf } from "./skeleton.ts";

const tables: readonly Table[] = [
  { family: "ip", name: "fairlead" },
  { family: "ip6", name: "fairlead" },
];

/** What the sets hold, without the numbers that depend on history: ids, handles and chains are named by what they stand for. */
function meaning(nft: Nftables): string[] {
  return tables.flatMap((table) => {
    const held = (set: string) => nft.elements(table, set);
    const names = new Map<string, string>();
    for (const set of ["vip-ids", "port-ids"]) {
      for (const { key, value } of held(set))
        names.set(value, [names.get(value) ?? "", `${set}:${key}`].sort()[1] ?? "");
    }
    const chains = new Map(verdictMaps.flatMap(held).map(({ key, value }) => [key, value]));
    const targets = new Map(held("sticky-endpoints").map(({ key, value }) => [key, value]));
    return [...(nft.sets(table) ?? [])]
      .filter((set) => set !== "clients" && set !== "layout")
      .flatMap((set) =>
        held(set).map(({ key, value }) => {
          if (set === "vip-ids" || set === "port-ids") return JSON.stringify([set, key]);
          if (set === "endpoints") return JSON.stringify([set, names.get(key.slice(0, 4)), key.slice(4), value]);
          if (set === "slots")
            return JSON.stringify([set, names.get(key.slice(0, 4)), key.slice(4), targets.get(value) ?? "local"]);
          if (set === "sticky-endpoints") return JSON.stringify([set, value]);
          if (valuesOf(set) === "verdict") return JSON.stringify([set, value]);
          if (/^(vips|ports)/.test(set)) return JSON.stringify([set, key, chains.get(value)]);
          return JSON.stringify([set, key, value]);
        }),
      )
      .sort();
  });
}

const clean = (report: Report | undefined) => {
  for (const family of report?.families ?? []) assert.equal(family.error, undefined);
  return report?.families ?? [];
};

const both = ["IPv4", "IPv6"] as const;

/** What a new process makes of the services where nothing was. */
async function coldTable(
  services: ReadonlyMap<string, readonly ServicePort[]>,
  { families = both, given = settings() }: { families?: readonly IpFamily[]; given?: Settings } = {},
): Promise<FakeNftables> {
  const nft = fakeNftables();
  const plane = createNftablesDataPlane({ nftables: nft, families });
  await plane.adopt();
  clean(await plane.sync({ services, full: true, settings: given }));
  return nft;
}

const coldStart = async (...given: Parameters<typeof coldTable>): Promise<string[]> =>
  meaning(await coldTable(...given));

/** Random changes of 30 services, some syncs with several; now and then the process is replaced by a new one. */
async function churn(nft: Nftables, seed: number, rounds: number): Promise<Map<string, readonly ServicePort[]>> {
  const random = seededRandom(seed);
  const state = new Map<string, readonly ServicePort[]>();
  const start = async () => {
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
    await plane.adopt();
    clean(await plane.sync({ services: state, full: true, settings: settings() }));
    return plane;
  };
  let plane = await start();
  for (let round = 0; round < rounds; round++) {
    const changed = new Map<string, readonly ServicePort[]>();
    for (let i = 0; i <= random() * 4; i++) {
      const n = Math.floor(random() * 30);
      changed.set(`default/s${n}`, random() < 0.2 ? [] : randomService(n, random));
    }
    for (const [name, ports] of changed) state.set(name, ports);
    clean(await plane.sync({ services: changed, full: false }));
    if (random() < 0.1) clean(await plane.verify());
    if (random() < 0.05) plane = await start();
  }
  return state;
}

/** `look` gives another way to the same tables: a socket that is busy in the background takes no question. */
function suite(name: string, open: () => Nftables, look: (nft: Nftables) => Nftables): void {
  propertySuite(`the nftables data plane on ${name}`, () => {
    const nftables = open();
    return {
      create: () => createNftablesDataPlane({ nftables: unclosed(nftables), families: ["IPv4", "IPv6"] }),
      read: () => meaning(nftables),
      close: () => nftables.close(),
    };
  });
  describe(`nftables data plane on ${name}`, () => {
    it("P207 adopts what it finds: a restart without a change writes nothing", async () => {
      const nft = open();
      const state = await churn(nft, 4, 20);
      const before = nft.generation();
      const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      await plane.adopt();
      const families = clean(await plane.sync({ services: state, full: true, settings: settings() }));
      assert.deepEqual(
        families.map(({ added, removed }) => ({ added, removed })),
        [
          { added: 0, removed: 0 },
          { added: 0, removed: 0 },
        ],
      );
      assert.equal(nft.generation(), before);
      nft.close();
    });
    it("P217 brings back a table and elements that somebody else deleted", async () => {
      const nft = open();
      const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      const random = seededRandom(5);
      const services = new Map(
        Array.from({ length: 10 }, (_, n) => [`default/s${n}`, randomService(n, random)] as const),
      );
      await plane.adopt();
      clean(await plane.sync({ services, full: true, settings: settings() }));
      const before = meaning(nft);
      assert.equal(await plane.verify(), undefined);
      const [table] = tables;
      assert.ok(table);
      const elements = nft.elements(table, "vips").slice(0, 3);
      nft.commit([{ op: "delete-elements", table, set: "vips", values: "verdict", elements }]);
      assert.equal(clean(await plane.verify())[0]?.added, elements.length);
      assert.deepEqual(meaning(nft), before);
      nft.commit([{ op: "delete-table", table }]);
      clean(await plane.verify());
      assert.deepEqual(meaning(nft), before);
      assert.equal(await plane.verify(), undefined);
      nft.close();
    });
    it("keeps the elements when the settings change, and writes the rules again", async () => {
      const nft = open();
      const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      const random = seededRandom(6);
      const services = new Map(
        Array.from({ length: 10 }, (_, n) => [`default/s${n}`, randomService(n, random)] as const),
      );
      await plane.adopt();
      clean(await plane.sync({ services, full: true, settings: settings() }));
      const before = meaning(nft);
      clean(await plane.sync({ services: new Map(), full: false, settings: settings({ masqueradeAll: true }) }));
      assert.deepEqual(meaning(nft), before);
      nft.close();
    });
    it("P203 what is loaded has no hook before the first sync, and is adopted like all else after it", async () => {
      const random = seededRandom(9);
      const nft = open();
      const other = look(nft);
      const table: Table = { family: "ip", name: "fairlead" };
      const isHooked = () => other.chains(table)?.has("nat-prerouting") ?? false;
      const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      assert.deepEqual(await plane.adopt(), { IPv4: 0, IPv6: 0 });
      const state = new Map(Array.from({ length: 20 }, (_, n) => [`default/s${n}`, randomService(n, random)] as const));
      for (const one of state) plane.load?.({ services: new Map([one]), settings: settings() });
      const held = () => (other.sets(table) ? other.elements(table, "vip-ids").length : 0);
      while (held() < 20) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(!isHooked());
      const [first] = clean(await plane.sync({ services: new Map(), full: false, settings: settings() }));
      assert.ok(first && first.added > 40 && first.removed === 0);
      assert.ok(isHooked());
      other.close();
      const next = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      await next.adopt();
      const adopted = clean(await next.sync({ services: state, full: true, settings: settings() }));
      assert.deepEqual(
        adopted.map(({ added, removed }) => added + removed),
        [0, 0],
      );
      nft.close();
    });
    it("a process that ends while it loads leaves a table that the next one makes whole", async () => {
      const random = seededRandom(10);
      const nft = open();
      const state = new Map(Array.from({ length: 9 }, (_, n) => [`default/s${n}`, randomService(n, random)] as const));
      const plane = createNftablesDataPlane({ nftables: unclosed(nft), families: ["IPv4", "IPv6"] });
      await plane.adopt();
      plane.load?.({ services: state, settings: settings() });
      await new Promise((resolve) => setTimeout(resolve, 20));
      plane.close();
      const next = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      assert.notDeepEqual(await next.adopt(), { IPv4: 0, IPv6: 0 });
      clean(await next.sync({ services: state, full: true, settings: settings() }));
      await next.verify();
      assert.deepEqual(meaning(nft), await coldStart(state));
      nft.close();
    });
    it("removes its tables", async () => {
      const nft = open();
      const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
      await plane.adopt();
      clean(await plane.sync({ services: new Map(), full: true, settings: settings() }));
      await plane.remove();
      for (const table of tables) assert.equal(nft.sets(table), undefined);
      nft.close();
    });
  });
}

const bound = (nft: Nftables): Nftables => ({
  commit: (commands) => nft.commit(commands),
  commitInBackground: (commands) => nft.commitInBackground(commands),
  chains: (table) => nft.chains(table),
  sets: (table) => nft.sets(table),
  elements: (table, set) => nft.elements(table, set),
  generation: () => nft.generation(),
  close: () => nft.close(),
});

describe("nftables data plane when the kernel refuses", () => {
  const services = (n: number) => {
    const random = seededRandom(7);
    return new Map(Array.from({ length: n }, (_, i) => [`default/s${i}`, randomService(i, random)] as const));
  };
  const refuseS7 = (nft: FakeNftables) => {
    const key = "\x0a\x60\x00\x08"; // its clusterIP
    nft.failWhen((c) => c.op === "add-elements" && c.elements.some((e) => e.key.startsWith(key)), "ENOMEM");
  };
  const withoutS7 = (all: ReturnType<typeof services>) => new Map([...all].filter(([name]) => name !== "default/s7"));
  it("P211 leaves out the Service that is refused, writes all others, and takes it when it can", async () => {
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    await plane.adopt();
    clean(await plane.sync({ services: new Map(), full: true, settings: settings() }));
    const all = services(20);
    refuseS7(nft);
    const [report] = clean(await plane.sync({ services: all, full: false }));
    assert.deepEqual(report?.refused, ["default/s7"]);
    assert.deepEqual(meaning(nft), await coldStart(withoutS7(all), { families: ["IPv4"] }));
    nft.failWhen(() => false, "");
    clean(await plane.sync({ services: new Map([["default/s7", all.get("default/s7") ?? []]]), full: false }));
    assert.deepEqual(meaning(nft), await coldStart(all, { families: ["IPv4"] }));
  });
  it("P211 a Service that is refused while it is loaded is left out by the first sync", async () => {
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    await plane.adopt();
    const all = services(20);
    refuseS7(nft);
    for (const one of all) {
      plane.load?.({ services: new Map([one]), settings: settings() });
      await Promise.resolve();
    }
    const [report] = clean(await plane.sync({ services: new Map(), full: false, settings: settings() }));
    assert.deepEqual(report?.refused, ["default/s7"]);
    assert.deepEqual(meaning(nft), await coldStart(withoutS7(all), { families: ["IPv4"] }));
  });
  it("other settings than those that were known while it was loaded hold in the end", async () => {
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    await plane.adopt();
    plane.load?.({ services: services(5), settings: settings() });
    const other = { ...settings(), masqueradeAll: true };
    clean(await plane.sync({ services: new Map(), full: false, settings: other }));
    const expected = await coldTable(services(5), { families: ["IPv4"], given: other });
    assert.deepEqual(meaning(nft), meaning(expected));
    assert.equal(nft.dump().replace(/layout[^\n]*/g, ""), expected.dump().replace(/layout[^\n]*/g, ""));
  });
  it("cuts a transaction that the socket does not take, and ends with the same table", async () => {
    const nft = fakeNftables();
    const sizes: number[] = [];
    const narrow: Nftables = {
      ...bound(nft),
      commit(commands) {
        const size = commands.reduce((sum, command) => sum + ("elements" in command ? command.elements.length : 1), 0);
        if (size > 250) throw new TransactionError("EMSGSIZE", undefined);
        sizes.push(size);
        nft.commit(commands);
      },
    };
    const plane = createNftablesDataPlane({ nftables: narrow, families: ["IPv4", "IPv6"] });
    clean(await plane.sync({ services: services(200), full: true, settings: settings() }));
    assert.ok(sizes.length > 4, `${sizes.length} transactions`);
    assert.deepEqual(meaning(nft), await coldStart(services(200)));
  });
  it("P211 reports a failure of everything, changes nothing and catches up with the next sync", async () => {
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4", "IPv6"] });
    nft.failWhen(() => true, "EPERM");
    await plane.adopt();
    const report = await plane.sync({ services: services(5), full: true, settings: settings() });
    assert.match(String(report.families[0]?.error?.message), /EPERM/);
    nft.failWhen(() => false, "");
    clean(await plane.sync({ services: new Map(), full: false }));
    assert.deepEqual(meaning(nft), await coldStart(services(5)));
  });
});

describe("nftables data plane: its shape", () => {
  it("P222 hooks and priorities are those that other software counts on", () => {
    const hooks = skeletonOf({ family: "IPv4", settings: settings() })
      .map(({ base }) => base && `${base.type} ${base.hook} ${base.priority}`)
      .filter((text) => text !== undefined);
    assert.deepEqual(hooks.sort(), [
      "filter forward 0",
      "filter input 0",
      "filter output -110",
      "filter output 0",
      "filter prerouting -110",
      "nat output -100",
      "nat postrouting 100",
      "nat prerouting -100",
    ]);
  });
  const many = (count: number) =>
    new Map(
      Array.from({ length: count }, (_, n) => {
        const name = `s${n}`;
        const object = service({ name, clusterIP: `10.96.${n >> 8}.${n & 255}` });
        return [`default/${name}`, computeService(object, [slice(["10.244.0.11"], { of: name })], nodeA)] as const;
      }),
    );
  const write = async (count: number) => {
    const nft = fakeNftables();
    let written = 0;
    const counting: Nftables = {
      ...bound(nft),
      commit(commands) {
        written += commands.reduce((sum, c) => sum + ("elements" in c ? c.elements.length : 1), 0);
        nft.commit(commands);
      },
    };
    const plane = createNftablesDataPlane({ nftables: counting, families: ["IPv4"] });
    clean(await plane.sync({ services: many(count), full: true, settings: settings() }));
    const rules = nft.dump().match(/^chain .*$/gm);
    written = 0;
    const changed = slice(["10.244.0.11", "10.244.0.12"], { of: "s1" });
    const ports = computeService(service({ name: "s1", clusterIP: "10.96.0.1" }), [changed], nodeA);
    clean(await plane.sync({ services: new Map([["default/s1", ports]]), full: false }));
    return { rules, written };
  };
  it("P208 chains that are used no more are kept for the next that wants them, until they are many", async () => {
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    const chains = () => [...(nft.chains({ family: "ip", name: "fairlead" }) ?? [])].sort();
    /** A Service that has each number of endpoints up to this, one after the other, and then none. */
    const grow = async (most: number) => {
      const addresses = Array.from({ length: most }, (_, n) => `10.244.0.${n + 1}`);
      for (let count = most; count >= 0; count--) {
        const ports = computeService(service({ name: "s" }), [slice(addresses.slice(0, count), { of: "s" })], nodeA);
        clean(await plane.sync({ services: new Map([["default/s", count > 0 ? ports : []]]), full: false }));
      }
    };
    clean(await plane.sync({ services: new Map(), full: true, settings: settings() }));
    const before = chains();
    await grow(3);
    const few = chains();
    assert.ok(few.length > before.length);
    assert.equal(await plane.verify(), undefined);
    assert.deepEqual(chains(), few);
    await grow(40);
    assert.equal(await plane.verify(), undefined);
    assert.deepEqual(chains(), before);
  });
  it("P105 clients are remembered by the hundred thousand", () => {
    const clients = setsOf("IPv4").find(({ name }) => name === "clients");
    assert.ok((clients?.dynamic?.size ?? 0) >= 100_000);
  });
  it("P223 P224 P245 rules and what a change writes are as many with 2,000 Services as with 5", async () => {
    const few = await write(5);
    assert.ok(few.written > 0 && few.written < 20, `${few.written} written`);
    assert.deepEqual(await write(2_000), few);
  });
});

suite("the fake", fakeNftables, (nft) => nft);
const reason = enterNewNetwork();
if (reason) it("nftables data plane on the kernel", { skip: reason }, () => {});
else {
  const open = () => {
    unshare(CLONE_NEWNET);
    return openNftables();
  };
  suite("the kernel", open, openNftables);
  it("P221 asks the kernel itself whether it takes the rules, and leaves nothing", () => {
    unshare(CLONE_NEWNET);
    assert.deepEqual(probeNftables(), { ok: true });
    const nft = openNftables();
    assert.equal(nft.sets({ family: "ip", name: "fairlead-probe" }), undefined);
    nft.close();
  });
  it("P96 forwards nothing that the node did not forward before", async () => {
    unshare(CLONE_NEWNET);
    writeSysctl("net.ipv4.ip_forward", 0);
    const plane = createNftablesDataPlane();
    clean(await plane.sync({ services: new Map(), full: true, settings: settings() }));
    assert.equal(readSysctl("net.ipv4.ip_forward"), "0");
    plane.close();
  });
  const hasNft = !spawnSync("nft", ["--version"]).error;
  it("`nft list ruleset` prints the table: some versions abort on a rule they cannot name", {
    skip: !hasNft,
  }, async () => {
    unshare(CLONE_NEWNET);
    const plane = createNftablesDataPlane();
    await plane.adopt();
    const random = seededRandom(1);
    const state = new Map(Array.from({ length: 30 }, (_, n) => [`default/s${n}`, randomService(n, random)] as const));
    clean(await plane.sync({ services: state, full: true, settings: settings() }));
    const { status, stdout, stderr } = spawnSync("nft", ["list", "ruleset"], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /vmap @chains/);
    plane.close();
  });
}

function enterNewNetwork(): string | undefined {
  try {
    unshare(CLONE_NEWNET);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EPERM")) return "making a network namespace needs root: run under `unshare -Urn`";
    throw error;
  }
}
