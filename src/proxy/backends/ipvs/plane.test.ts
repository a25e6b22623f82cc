import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeIpvs, fakeVipLink } from "../../../kernel/ipvs/fake.ts";
import { fakeNftables } from "../../../kernel/nftables/fake.ts";
import { computeService } from "../../compute.ts";
import type { ServicePort } from "../../state.ts";
import { nodeA, service, settings, slice } from "../../testing/fixtures.ts";
import { clean, meaning, planeSuite, verifyUntil } from "./conformance.ts";
import { parseIpvsOptions } from "./options.ts";
import { createIpvsDataPlane, type IpvsPlaneOptions, reusesConnections } from "./plane.ts";

const rigOf = () => ({
  ipvs: fakeIpvs(),
  link: fakeVipLink(["127.0.0.1", "::1", "172.18.0.2", "fd00:18::2", "fe80::1"]),
  nftables: fakeNftables(),
});

planeSuite("the fakes", rigOf, 10_000);

type Slice = Parameters<typeof slice>;

/** "default/web" with these endpoints, as a change. */
function web(fixture: Parameters<typeof service>[0], endpoints: Slice[0], protocol = "TCP") {
  const object = service({ ports: [{ port: 80, protocol }], ...fixture });
  const ports = computeService(object, [slice(endpoints, { ports: [{ port: 8080, protocol }] })], nodeA);
  return new Map<string, readonly ServicePort[]>([["default/web", ports]]);
}

async function rigWith(services: ReturnType<typeof web>, options: Partial<IpvsPlaneOptions> = {}) {
  const rig = rigOf();
  const plane = createIpvsDataPlane({ kernel: rig, families: ["IPv4"], ...options });
  await plane.adopt();
  clean(await plane.sync({ services, full: true, settings: settings() }));
  const apply = async (changed: ReturnType<typeof web>) => clean(await plane.sync({ services: changed, full: false }));
  return { rig, plane, apply };
}

const a = "10.244.0.11";
const b = "10.244.0.12";
const vip = { kind: "address", family: "IPv4", protocol: "TCP", address: "10.96.0.1", port: 80 } as const;
const nodePort = { type: "NodePort", ports: [{ port: 80, protocol: "TCP", nodePort: 30080 }] };

describe("ipvs data plane", () => {
  it("makes a virtual service of each VIP and node address, and binds the VIPs", async () => {
    const fixture = { ...nodePort, externalIPs: ["192.168.80.4", "172.18.0.2"] };
    const { rig } = await rigWith(web(fixture, [a]), { scheduler: "wlc" });
    const services = ["10.96.0.1:80", "172.18.0.2:30080", "172.18.0.2:80", "192.168.80.4:80"];
    assert.deepEqual(
      rig.ipvs.dump(),
      services.flatMap((text) => [`TCP ${text} wlc`, `TCP ${text} → ${a}:8080 weight 1`]),
    );
    // The node's own address is local already.
    assert.deepEqual([...rig.link.bound].sort(), ["10.96.0.1", "192.168.80.4"]);
  });
  it("keeps clients by persistence, and near ones of policy Local by their address", async () => {
    const fixture = { ...nodePort, sessionAffinity: "ClientIP", externalTrafficPolicy: "Local" };
    const { rig } = await rigWith(web(fixture, [{ ip: a }, { ip: b, node: "node-b" }]));
    assert.deepEqual(
      rig.ipvs.dump().filter((line) => !line.includes("→")),
      ["TCP 10.96.0.1:80 rr persistent 10800", "TCP 172.18.0.2:30080 rr persistent 10800", "mark 0xf1000001 IPv4 sh"],
    );
    assert.deepEqual(
      rig.ipvs.servers({ ...vip, address: "172.18.0.2", port: 30080 })?.map(({ address }) => address),
      [a],
    );
    assert.equal(rig.ipvs.servers({ kind: "mark", family: "IPv4", mark: 0xf1000001 })?.length, 2);
  });
  it("P232 lets a removed server finish its connections, and takes it back when it returns", async () => {
    const { rig, plane, apply } = await rigWith(web({}, [a, b]));
    rig.ipvs.setConnections(vip, `${b}:8080`, 3);
    await apply(web({}, [a]));
    const servers = () => rig.ipvs.dump().filter((line) => line.includes("→"));
    const draining = [`TCP 10.96.0.1:80 → ${a}:8080 weight 1`, `TCP 10.96.0.1:80 → ${b}:8080 weight 0`];
    await plane.verify();
    assert.deepEqual(servers(), draining);
    await apply(web({}, [a, b]));
    assert.match(servers()[1] ?? "", /weight 1/);
    await apply(web({}, [a]));
    // A new process goes on with what the old one began.
    const next = createIpvsDataPlane({ kernel: rig, families: ["IPv4"] });
    await next.adopt();
    clean(await next.sync({ services: web({}, [a]), full: true, settings: settings() }));
    assert.deepEqual(servers(), draining);
    rig.ipvs.setConnections(vip, `${b}:8080`, 0);
    await next.verify();
    assert.deepEqual(servers(), draining.slice(0, 1));
  });
  it("P232 takes a UDP server that serves no more away at once, but not the last one", async () => {
    const { rig, apply } = await rigWith(web({}, [a], "UDP"));
    const weights = () => rig.ipvs.servers({ ...vip, protocol: "UDP" })?.map((s) => `${s.address} ${s.weight}`);
    await apply(web({}, [], "UDP"));
    assert.deepEqual(weights(), [`${a} 0`]);
    await apply(web({}, [b], "UDP"));
    assert.deepEqual(weights(), [`${b} 1`]);
  });
  it("deletes a server of the scheduler dh at once: its hash leads to it for ever", async () => {
    const { rig, apply } = await rigWith(web({}, [a, b]), { scheduler: "dh" });
    rig.ipvs.setConnections(vip, `${b}:8080`, 3);
    await apply(web({}, [a]));
    assert.equal(rig.ipvs.servers(vip)?.length, 1);
  });
  it("follows the node's addresses with its node ports", async () => {
    const { rig, plane } = await rigWith(web(nodePort, [a]));
    const nodePorts = () => rig.ipvs.dump().filter((line) => /:30080 rr/.test(line));
    rig.link.others.add("192.168.60.1");
    await verifyUntil(plane, () => nodePorts().length === 2);
    assert.deepEqual(nodePorts(), ["TCP 172.18.0.2:30080 rr", "TCP 192.168.60.1:30080 rr"]);
    rig.link.others.delete("172.18.0.2");
    await verifyUntil(plane, () => nodePorts().length === 1);
    assert.deepEqual(nodePorts(), ["TCP 192.168.60.1:30080 rr"]);
  });
  it("P217 finds a change in any of many services, some at each look", async () => {
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    const one = (n: number) => web({ name: `s${n}`, clusterIP: `10.96.${n >> 8}.${n & 255}` }, [a]);
    const services = new Map(numbers.map((n) => [`default/s${n}`, one(n).get("default/web") ?? []] as const));
    const { rig, plane } = await rigWith(services);
    const before = meaning(rig);
    for (const n of [3, 250, 499]) {
      const key = { ...vip, address: `10.96.${n >> 8}.${n & 255}` };
      rig.ipvs.run([{ op: "delete-server", key, server: { address: a, port: 8080 } }]);
    }
    await verifyUntil(plane, () => meaning(rig).length === before.length);
    assert.deepEqual(meaning(rig), before);
  });
  it("P211 leaves out the Service that is refused, writes all others, and takes it when it can", async () => {
    const { rig, plane } = await rigWith(new Map());
    const other = new Map([["default/other", web({ clusterIP: "10.96.0.2" }, [b]).get("default/web") ?? []]]);
    rig.ipvs.failWhen(({ key }) => key.kind === "address" && key.address === vip.address, "ENOMEM");
    const services = new Map([...web({}, [a]), ...other]);
    const report = await plane.sync({ services, full: false });
    assert.deepEqual(report.families[0]?.refused, ["default/web"]);
    assert.equal(report.families[0]?.error, undefined);
    assert.equal(rig.ipvs.servers({ ...vip, address: "10.96.0.2" })?.length, 1);
    rig.ipvs.failWhen(() => false, "");
    await verifyUntil(plane, () => rig.ipvs.servers(vip) !== undefined);
    assert.equal(rig.ipvs.servers(vip)?.length, 1);
  });
  it("P211 reports a failure of everything and catches up with the next sync", async () => {
    const { rig, plane } = await rigWith(new Map());
    rig.ipvs.failWhen(() => true, "EPERM");
    rig.nftables.failWhen(() => true, "EPERM");
    const report = await plane.sync({ services: web({}, [a]), full: false });
    assert.match(String(report.families[0]?.error?.message), /EPERM/);
    rig.ipvs.failWhen(() => false, "");
    rig.nftables.failWhen(() => false, "");
    clean(await plane.sync({ services: new Map(), full: false }));
    const { rig: expected } = await rigWith(web({}, [a]));
    assert.deepEqual(meaning(rig), meaning(expected));
  });
});

describe("IPVS options", () => {
  it("P231 takes the kernel's schedulers and CIDRs, and says what is wrong", () => {
    assert.equal(parseIpvsOptions({ scheduler: "" }).scheduler, "rr");
    assert.equal(parseIpvsOptions({ excludeCIDRs: ["10.0.0.0/8"] }).excludeCidrs.length, 1);
    assert.throws(
      () => parseIpvsOptions({ scheduler: "best" }),
      /Cannot use IPVS scheduler "best": it must be one of rr,/,
    );
    assert.throws(() => parseIpvsOptions({ excludeCIDRs: ["10"] }), /Cannot use excludeCIDRs "10"/);
  });
  for (const [version, want] of [
    ["4.0.0", false],
    ["4.19.0-1", true],
    ["5.8.1", true],
    ["5.9.0", false],
    ["6.1.0-56-amd64", false],
  ] as const) {
    it(`P230 ${want ? "switches off" : "leaves"} the reuse of connections on Linux ${version}`, () =>
      assert.equal(reusesConnections(version), want));
  }
});
