/** What holds for the IPVS data plane: run on the fakes, and on the kernel in the virtual machine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type Ipvs, type ServiceKey, serverText, serviceKeyText, type VipLink } from "../../../kernel/ipvs/port.ts";
import type { Nftables, Table } from "../../../kernel/nftables/port.ts";
import { readU32 } from "../../../kernel/nftables/values.ts";
import { parseCidr } from "../../../net/cidr.ts";
import type { ServicePort } from "../../state.ts";
import { randomService, seededRandom } from "../../testing/churn.ts";
import { settings } from "../../testing/fixtures.ts";
import { propertySuite, unclosed } from "../../testing/properties.ts";
import type { DataPlane, Report } from "../port.ts";
import { tableName } from "./layout.ts";
import { createIpvsDataPlane, type IpvsPlaneOptions } from "./plane.ts";

/** `node` are the addresses of the node's other links: those of the rig have 172.18.0.2 and fd00:18::2. */
export interface Rig {
  readonly ipvs: Ipvs;
  readonly link: VipLink;
  readonly nftables: Nftables;
}

type State = ReadonlyMap<string, readonly ServicePort[]>;

const tables: readonly Table[] = [
  { family: "ip", name: tableName },
  { family: "ip6", name: tableName },
];
const foreign: ServiceKey = { kind: "address", family: "IPv4", protocol: "TCP", address: "192.0.2.1", port: 80 };
const plain = { scheduler: "rr", flags: 0, persistenceSec: 0 };

/** Everything that is there; marks, which depend on history, are named by the addresses that lead to them. */
export function meaning({ ipvs, link, nftables }: Rig): string[] {
  const names = new Map<string, string>();
  const elements = tables.flatMap((table) =>
    [...(nftables.sets(table) ?? [])].flatMap((set) =>
      nftables.elements(table, set).map(({ key, value }) => {
        if (!set.startsWith("near")) return JSON.stringify([table.family, set, key, value]);
        const mark = `${table.family === "ip" ? "IPv4" : "IPv6"} ${readU32(value)}`;
        names.set(mark, [names.get(mark) ?? "", `${set} ${key}`].sort()[1] ?? "");
        return JSON.stringify([table.family, set, key]);
      }),
    ),
  );
  const services = ipvs.services().flatMap(({ key, ...how }) => {
    const name =
      key.kind === "mark" ? `${key.family} near ${names.get(`${key.family} ${key.mark}`)}` : serviceKeyText(key);
    const servers = (ipvs.servers(key) ?? []).map((server) => `${serverText(server)} weight ${server.weight}`);
    return [JSON.stringify([name, how]), ...servers.map((server) => JSON.stringify([name, server]))];
  });
  return [...elements, ...services, ...link.read().bound.map((address) => `bound ${address}`)].sort();
}

export const clean = (report: Report | undefined) => {
  for (const { error, refused } of report?.families ?? []) {
    assert.equal(error, undefined);
    assert.deepEqual(refused, []);
  }
  return report?.families ?? [];
};

const planeOn = (rig: Rig, options: Partial<IpvsPlaneOptions> = {}): DataPlane =>
  createIpvsDataPlane({ kernel: rig, families: ["IPv4", "IPv6"], ...options });

async function start(rig: Rig, services: State, options: Partial<IpvsPlaneOptions> = {}): Promise<DataPlane> {
  const plane = planeOn(rig, options);
  await plane.adopt();
  clean(await plane.sync({ services, full: true, settings: settings() }));
  return plane;
}

const randomServices = (count: number, seed: number): Map<string, readonly ServicePort[]> => {
  const random = seededRandom(seed);
  return new Map(Array.from({ length: count }, (_, n) => [`default/s${n}`, randomService(n, random)] as const));
};

/** Random changes of 20 services, some syncs with several; now and then the process is replaced by a new one. */
async function churn(rig: Rig, seed: number, rounds: number): Promise<State> {
  const random = seededRandom(seed);
  const state = new Map<string, readonly ServicePort[]>();
  let plane = await start(rig, state);
  for (let round = 0; round < rounds; round++) {
    const changed = new Map<string, readonly ServicePort[]>();
    for (let i = 0; i <= random() * 4; i++) {
      const n = Math.floor(random() * 20);
      changed.set(`default/s${n}`, random() < 0.2 ? [] : randomService(n, random));
    }
    for (const [name, ports] of changed) state.set(name, ports);
    clean(await plane.sync({ services: changed, full: false }));
    if (random() < 0.1) clean(await plane.verify());
    if (random() < 0.05) plane = await start(rig, state);
  }
  // Servers that have left are deleted once they have no connection.
  clean(await plane.verify());
  return state;
}

/** A look at everything may have to wait, for each family alone: see `FamilyPlane.verify`. */
export async function verifyUntil(plane: DataPlane, isRight: () => boolean): Promise<void> {
  for (let n = 0; n < 200 && !isRight(); n++) {
    clean(await plane.verify());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `open` gives a network namespace without services, VIPs and tables. */
export function planeSuite(name: string, open: () => Rig, steps: number): void {
  propertySuite(
    `the ipvs data plane on ${name}`,
    () => {
      const rig = open();
      const shared = { ipvs: unclosed(rig.ipvs), link: unclosed(rig.link), nftables: unclosed(rig.nftables) };
      return { create: () => planeOn(shared), read: () => meaning(rig), close: () => close(rig) };
    },
    { steps },
  );
  const test = (title: string, body: (rig: Rig) => Promise<void>) =>
    it(title, async () => {
      const rig = open();
      await body(rig);
      await close(rig);
    });
  describe(`ipvs data plane on ${name}`, { concurrency: 1 }, () => {
    test("P207 adopts what it finds: a restart without a change writes nothing", async (rig) => {
      const state = await churn(rig, 4, 20);
      const generation = rig.nftables.generation();
      const plane = planeOn(rig);
      await plane.adopt();
      const families = clean(await plane.sync({ services: state, full: true, settings: settings() }));
      assert.deepEqual(
        families.map(({ added, removed }) => [added, removed]),
        [
          [0, 0],
          [0, 0],
        ],
      );
      assert.equal(rig.nftables.generation(), generation);
    });
    test("P217 brings back services, servers, VIPs and rules that somebody else deleted", bringsBack);
    test("P234 leaves other people's virtual services alone, and removes its own", leavesOthers);
    test("P234 never deletes what is inside excludeCIDRs", leavesExcluded);
    test("writes the rules again when the settings change, and keeps the services", async (rig) => {
      const plane = await start(rig, randomServices(10, 6));
      const before = rig.ipvs.services();
      const changed = settings({ masqueradeAll: true });
      clean(await plane.sync({ services: new Map(), full: false, settings: changed }));
      assert.deepEqual(rig.ipvs.services(), before);
    });
  });
}

/** All that the test made is gone. */
async function close(rig: Rig): Promise<void> {
  rig.ipvs.run(rig.ipvs.services().map(({ key }) => ({ op: "delete-service", key })));
  await planeOn(rig).remove();
  rig.ipvs.close();
  rig.link.close();
  rig.nftables.close();
}

async function bringsBack(rig: Rig): Promise<void> {
  const plane = await start(rig, randomServices(10, 5));
  const before = meaning(rig);
  const repaired = async () => {
    await verifyUntil(plane, () => isDeepStrictEqual(meaning(rig), before));
    assert.deepEqual(meaning(rig), before);
  };
  assert.equal(await plane.verify(), undefined);
  const [first, second] = rig.ipvs.services();
  const withServers = rig.ipvs.services().find(({ key }) => (rig.ipvs.servers(key)?.length ?? 0) > 0);
  assert.ok(first && second && withServers);
  const [server] = rig.ipvs.servers(withServers.key) ?? [];
  assert.ok(server);
  rig.ipvs.run([{ op: "set-server", key: withServers.key, server: { ...server, weight: 0 } }]);
  rig.ipvs.run([{ op: "delete-service", key: first.key }]);
  await repaired();
  rig.link.unbind(rig.link.read().bound.slice(0, 3));
  await repaired();
  rig.link.remove();
  for (const table of tables) rig.nftables.commit([{ op: "delete-table", table }]);
  await repaired();
}

async function leavesOthers(rig: Rig): Promise<void> {
  rig.ipvs.run([{ op: "add-service", key: foreign, settings: plain }]);
  const plane = await start(rig, randomServices(5, 7));
  clean(await plane.verify());
  const next = await start(rig, new Map());
  assert.deepEqual(rig.ipvs.services(), [{ key: foreign, ...plain }]);
  await start(rig, randomServices(5, 7));
  await next.remove();
  assert.deepEqual(rig.ipvs.services(), [{ key: foreign, ...plain }]);
  assert.deepEqual(rig.link.read().bound, []);
  for (const table of tables) assert.equal(rig.nftables.sets(table), undefined);
}

async function leavesExcluded(rig: Rig): Promise<void> {
  const excludeCidrs = [parseCidr("10.96.0.0/16")].filter((cidr) => cidr !== undefined);
  const plane = await start(rig, randomServices(5, 8), { excludeCidrs });
  const inside = () =>
    rig.ipvs.services().filter(({ key }) => key.kind === "address" && key.address.startsWith("10.96.")).length;
  const before = inside();
  assert.ok(before > 0);
  clean(await plane.sync({ services: new Map(), full: true }));
  assert.equal(inside(), before);
  assert.equal(rig.ipvs.services().length, before);
}
