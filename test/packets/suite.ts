/** Runs the table against a data plane, in the network namespace that `enterNode` made. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Conntrack, openConntrack } from "../../src/kernel/conntrack/conntrack.ts";
import { parseCidr } from "../../src/net/cidr.ts";
import type { DataPlane } from "../../src/proxy/backends/port.ts";
import { deleteStaleFlows, flowChecks } from "../../src/proxy/stale-flows.ts";
import type { NodeFacts, ServicePort } from "../../src/proxy/state.ts";
import { service, settings, slice } from "../../src/proxy/testing/fixtures.ts";
import { Tracker } from "../../src/proxy/tracker.ts";
import { type PacketCase, type Probe, packetCases, type Stage } from "./cases.ts";
import { addresses, createLab, type Lab } from "./lab.ts";
import type { Answer } from "./order.ts";

/** How long "silence" is listened to. */
const silenceMs = 300;
const answerMs = 3_000;

const node: NodeFacts = {
  name: "node-a",
  zone: "z1",
  addresses: [addresses.IPv4.node, addresses.IPv6.node],
  podCidrs: [],
};

/** Case → why this data plane does otherwise; the cases are skipped by name. */
export type Deviations = Readonly<Record<string, string>>;

/** What a data plane cannot do by its nature, each with the reason; everything else of each case is asked of it all the same. */
export interface Limits {
  /** The endpoint sees another source than the client: that is not compared. */
  readonly losesSource?: string;
  /** Where the others drop a packet in silence, the client is refused or reset: that is taken for silence. */
  readonly neverSilent?: string;
}

export function packetSuite(
  name: string,
  open: () => DataPlane,
  deviations: Deviations = {},
  limits: Limits = {},
): void {
  const it = (title: string, body: () => Promise<void>): void => {
    const skip = deviations[title] ?? deviations[title.replace(/ \(IPv[46]\)$/, "")] ?? false;
    void test(title, { skip }, body);
  };
  describe(`packets through ${name}`, { concurrency: 1 }, () => {
    let lab: Lab;
    let plane: DataPlane;
    const rig = (): Rig => ({ lab, plane, limits });
    before(async () => {
      lab = await createLab();
      plane = open();
      await plane.adopt();
    });
    after(async () => {
      await plane.remove();
      plane.close();
      await lab.close();
    });
    for (const family of ["IPv4", "IPv6"] as const) {
      for (const one of packetCases(addresses[family], family)) {
        it(`${one.name} (${family})`, () => runCase(one, rig()));
      }
    }
    it("P83 an established UDP flow outlives the change to zero endpoints, a new one is refused", () =>
      flowOutlives(rig()));
    it("P154 a UDP client that began before there was an endpoint reaches the first one", () => flowFinds(rig()));
    it("P155 a UDP flow to an endpoint that still serves is left alone", () => flowStays(rig()));
    it("P103 an affinity ends with its time, and not before", () => affinityEnds(rig()));
    it("P205 a new process adopts the rules: none of 300 connections fails meanwhile", () => restarts(rig(), open));
  });
}

interface Rig {
  readonly lab: Lab;
  readonly plane: DataPlane;
  readonly limits: Limits;
}

/** The whole state as objects, computed from nothing: the next stage keeps what it does not name. */
async function runCase({ stages }: PacketCase, rig: Rig): Promise<void> {
  let current: Stage = { services: [], slices: [], probes: [] };
  let started = false;
  for (const stage of stages) {
    current = { ...current, ...stage };
    // A case begins with an empty plane, so that no client is remembered from the one before.
    if (!started) await apply({ services: [], slices: [], probes: [] }, rig);
    started = true;
    await apply(current, rig);
    const last = new Map<string, string>();
    for (const probe of stage.probes) await check(probe, rig, last);
  }
}

async function apply(
  { services = [], slices = [], settings: changed = {} }: Stage,
  { plane }: Rig,
): Promise<ReadonlyMap<string, readonly ServicePort[]>> {
  const tracker = new Tracker(node);
  for (const object of services) tracker.setService(object);
  for (const object of slices) tracker.setSlice(object);
  const state = tracker.compute();
  const nodePortCidrs = (changed.nodePortCidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
  const { masqueradeAll = false } = changed;
  const report = await plane.sync({
    services: state,
    full: true,
    settings: settings({ masqueradeAll, nodePortCidrs }),
  });
  for (const { error, refused } of report.families) {
    assert.equal(error, undefined);
    assert.deepEqual(refused, []);
  }
  return state;
}

/** Sticky probes of one stage from one host must agree. */
async function check(probe: Probe, { lab, limits }: Rig, last: Map<string, string>): Promise<void> {
  const { from, to, port = 80, want, seen, times = 1, udp, local, sticky } = probe;
  const text = `${from}${local ? ` (${local})` : ""} → ${udp ? "UDP" : "TCP"} ${to} ${port}`;
  const heard = new Set<string>();
  for (let n = 0; n < times; n++) {
    const timeoutMs = want === "silence" ? silenceMs : answerMs;
    const answer = await lab.order(from, {
      do: "ask",
      protocol: udp ? "UDP" : "TCP",
      host: to,
      port,
      timeoutMs,
      ...(local ? { local } : {}),
    });
    if (typeof want === "string") {
      const isSilent = want === "silence" && limits.neverSilent && /^(refused|ECONNRESET)$/.test(outcome(answer));
      if (!isSilent) assert.equal(outcome(answer), want, text);
      continue;
    }
    assert.ok(
      (want as readonly string[]).includes(answer.name ?? ""),
      `${text}: ${outcome(answer)}, expected ${want.join(" or ")}`,
    );
    if (seen !== undefined && !limits.losesSource) assert.equal(answer.peer, seen, `${text}: source at ${answer.name}`);
    heard.add(answer.name ?? "");
    if (sticky) assert.equal(answer.name, last.get(from) ?? answer.name, `${text}: must stay`);
    if (sticky) last.set(from, answer.name ?? "");
  }
  if (typeof want !== "string" && !sticky)
    assert.deepEqual([...heard].sort(), [...want].sort(), `${text}: who answered`);
}

function outcome({ name, failure }: Answer): string {
  return failure ?? name ?? "nothing";
}

const a = addresses.IPv4;
const udpService = service({ clusterIP: a.clusterIp, ports: [{ port: 80, protocol: "UDP" }] });
const udpSlice = (...hosts: ("pod-b" | "pod-far")[]) =>
  slice(
    hosts.map((host) => ({ ip: a[host], node: host === "pod-b" ? "node-a" : "node-b" })),
    { ports: [{ port: 8080, protocol: "UDP" }] },
  );
const held = { do: "held", timeoutMs: silenceMs } as const;
const hold = { do: "hold", host: a.clusterIp, port: 80 } as const;

/** As the proxy does it after a sync. */
function clean(state: ReadonlyMap<string, readonly ServicePort[]>): number {
  const conntrack: Conntrack = openConntrack();
  const checks = [...state.values()].flatMap((ports) => flowChecks([], ports));
  const deleted = deleteStaleFlows(conntrack, checks);
  conntrack.close();
  return Object.values(deleted).reduce((sum, count) => sum + count, 0);
}

async function flowOutlives(rig: Rig): Promise<void> {
  const { lab } = rig;
  await apply({ services: [udpService], slices: [udpSlice("pod-b")], probes: [] }, rig);
  await lab.order("pod-a", hold);
  assert.equal((await lab.order("pod-a", held)).name, "pod-b");
  await apply({ services: [udpService], slices: [], probes: [] }, rig);
  assert.equal((await lab.order("pod-a", held)).name, "pod-b");
  await check({ from: "pod-a", to: a.clusterIp, udp: true, want: "refused" }, rig, new Map());
}

async function flowFinds(rig: Rig): Promise<void> {
  const { lab } = rig;
  const balancer = service({
    clusterIP: a.clusterIp,
    type: "LoadBalancer",
    ingress: [{ ip: a.balancer }],
    ports: [{ port: 80, protocol: "UDP" }],
  });
  // Flows of the cases before.
  clean(await apply({ services: [balancer], probes: [] }, rig));
  // Without a Service the packets go to the default route: a flow without DNAT begins.
  await apply({ services: [], slices: [], probes: [] }, rig);
  await lab.order("pod-a", { ...hold, host: a.balancer });
  assert.equal(outcome(await lab.order("pod-a", held)), "silence");
  const state = await apply({ services: [balancer], slices: [udpSlice("pod-b")], probes: [] }, rig);
  assert.equal(
    outcome(await lab.order("pod-a", held)),
    "silence",
    "the old flow stays in the dark until it is deleted",
  );
  assert.equal(clean(state), 1);
  assert.equal((await lab.order("pod-a", held)).name, "pod-b");
  // And from an endpoint that is gone to the next one.
  const moved = await apply({ services: [balancer], slices: [udpSlice("pod-far")], probes: [] }, rig);
  assert.equal(clean(moved), 1);
  assert.equal((await lab.order("pod-a", held)).name, "pod-far");
}

async function flowStays(rig: Rig): Promise<void> {
  const { lab } = rig;
  clean(await apply({ services: [udpService], probes: [] }, rig));
  await apply({ services: [udpService], slices: [udpSlice("pod-b")], probes: [] }, rig);
  await lab.order("pod-a", hold);
  assert.equal((await lab.order("pod-a", held)).name, "pod-b");
  const state = await apply({ services: [udpService], slices: [udpSlice("pod-b", "pod-far")], probes: [] }, rig);
  assert.equal(clean(state), 0);
  assert.equal((await lab.order("pod-a", held)).name, "pod-b");
}

/** Five clients that all know pod-b; each chooses again once it is forgotten, so one of them goes elsewhere soon. */
async function affinityEnds(rig: Rig): Promise<void> {
  const { lab } = rig;
  const timeoutSeconds = 2;
  const web = service({
    clusterIP: a.clusterIp,
    sessionAffinity: "ClientIP",
    sessionAffinityConfig: { clientIP: { timeoutSeconds } },
  });
  const ask = async () => {
    const asks = [
      ...(["pod-a", "pod-b", "node", "outside"] as const).map((host) => ({ host, local: {} })),
      { host: "outside" as const, local: { local: a.outside2 } },
    ].map(({ host, local }) =>
      lab.order(host, { do: "ask", protocol: "TCP", host: a.clusterIp, port: 80, timeoutMs: answerMs, ...local }),
    );
    return new Set((await Promise.all(asks)).map(outcome));
  };
  const toB = slice([{ ip: a["pod-b"] }]);
  const toBoth = slice([{ ip: a["pod-b"] }, { ip: a["pod-far"], node: "node-b" }]);
  await apply({ services: [], probes: [] }, rig);
  await apply({ services: [web], slices: [toB], probes: [] }, rig);
  assert.deepEqual(await ask(), new Set(["pod-b"]));
  await apply({ services: [web], slices: [toBoth], probes: [] }, rig);
  for (let n = 0; n < 3; n++) assert.deepEqual(await ask(), new Set(["pod-b"]));
  for (let n = 0; n < 4; n++) {
    await new Promise((resolve) => setTimeout(resolve, timeoutSeconds * 1000 + 300));
    if ((await ask()).has("pod-far")) return;
  }
  assert.fail("after four times the affinity's time no client has chosen again");
}

async function restarts(rig: Rig, open: () => DataPlane): Promise<void> {
  const { lab } = rig;
  const web = service({ clusterIP: a.clusterIp, sessionAffinity: "ClientIP" });
  const stage: Stage = {
    services: [web],
    slices: [slice([{ ip: a["pod-b"] }, { ip: a["pod-far"], node: "node-b" }])],
    probes: [],
  };
  await apply(stage, rig);
  const failures: string[] = [];
  const names = new Set<string>();
  const asking = (async () => {
    for (let n = 0; n < 300; n++) {
      const answer = await lab.order("pod-a", {
        do: "ask",
        protocol: "TCP",
        host: a.clusterIp,
        port: 80,
        timeoutMs: answerMs,
      });
      if (answer.failure) failures.push(answer.failure);
      names.add(answer.name ?? "");
    }
  })();
  for (let n = 0; n < 5; n++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    const next = open();
    await next.adopt();
    await apply(stage, { ...rig, plane: next });
    next.close();
  }
  await asking;
  assert.deepEqual(failures, []);
  assert.equal(names.size, 1, "the client stays with its endpoint over a restart (P104)");
}
