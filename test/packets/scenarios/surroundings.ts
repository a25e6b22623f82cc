/** What is around the Services: P115 source ports, P137 addresses that the node gets later, P244 endpoints that are Services, P270 sources that are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type HostName, hostNames } from "../addresses.ts";
import { nodePort } from "../cases/case.ts";
import { answerMs, check, outcome } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, opened, type Scenario } from "./tools.ts";

const { balanced, eps, onNodePort, svc, sliceOf } = b;

async function outcomeOf(
  { lab }: Rig,
  from: HostName,
  { local, ...to }: { host: string; port: number; local?: string },
): Promise<string> {
  const one = { do: "ask", protocol: "TCP", times: 1, abreast: 1, timeoutMs: answerMs } as const;
  const { answers = [] } = await lab.order(from, { ...one, ...to, ...(local ? { local } : {}) });
  return outcome(answers[0] ?? {});
}

const later = "192.168.60.9";

/** Of a node's link, both ways; this thread is in the node's network namespace. */
function packetsOn(link: string): number {
  const line = readFileSync("/proc/thread-self/net/dev", "utf8")
    .split("\n")
    .find((one) => one.trim().startsWith(`${link}:`));
  const numbers = (line?.split(":")[1] ?? "").trim().split(/\s+/).map(Number);
  return (numbers[1] ?? 0) + (numbers[9] ?? 0);
}

export const surroundingScenarios: readonly Scenario[] = [
  {
    name: "P115 masqueraded connections get source ports at random",
    async run(rig) {
      await apply(empty, rig);
      await apply({ services: [balanced()], slices: [eps("pod-far")], probes: [] }, rig);
      const target = { protocol: "TCP", host: a.node, port: nodePort } as const;
      const answers = [];
      for (let n = 0; n < 8; n++) {
        const connection = await opened(rig, "outside", `port ${n}`, target);
        answers.push(await connection.ask(answerMs));
      }
      assert.ok(answers.every(({ name }) => name === "pod-far"));
      // By default a free port is kept. That chance keeps more than one of eight: once in ten million runs.
      const kept = answers.filter(({ localPort, peerPort }) => localPort === peerPort);
      assert.ok(kept.length <= 1, JSON.stringify(answers));
      // Nor do they come one behind the other.
      const ports = answers.map(({ peerPort = 0 }) => peerPort);
      const steps = ports.slice(1).map((port, n) => Math.abs(port - (ports[n] ?? 0)));
      assert.ok(Math.max(...steps) > 64, ports.join(" "));
    },
  },
  {
    name: "P137 a chosen address that the node gets later takes node ports, by the next look",
    async run(rig) {
      await apply(empty, rig);
      const settings = { nodePortCidrs: [`${later}/32`] };
      await apply({ services: [onNodePort()], slices: [eps("pod-b")], settings, probes: [] }, rig);
      const change = (verb: "add" | "del") =>
        rig.lab.order("node", { do: "run", commands: [["ip", "addr", verb, `${later}/24`, "dev", "eth0"]] });
      await change("add");
      try {
        await rig.plane.verify();
        await check({ from: "outside", to: later, port: nodePort, want: ["pod-b"] }, rig.lab, rig.limits);
        await check({ from: "pod-a", to: later, port: nodePort, want: ["pod-b"] }, rig.lab, rig.limits);
      } finally {
        await change("del");
      }
    },
  },
  {
    name: "P244 an endpoint that is another Service's clusterIP: no packet goes round, and others are served",
    async run(rig) {
      await apply(empty, rig);
      const other = svc({ name: "other", clusterIP: a.clusterIp2 });
      const self = svc({ name: "self", clusterIP: a.unused });
      const slices = [
        sliceOf([{ ip: a.clusterIp2 }], { ports: [{ port: 80, protocol: "TCP" }] }),
        sliceOf([{ ip: a.unused }], { of: "self", ports: [{ port: 80, protocol: "TCP" }] }),
        sliceOf(["pod-far"], { of: "other" }),
      ];
      await apply({ services: [balanced(), other, self], slices, probes: [] }, rig);
      const before = packetsOn("eth0");
      await Promise.all(
        hostNames.flatMap((from) => [a.clusterIp, a.unused].map((host) => outcomeOf(rig, from, { host, port: 80 }))),
      );
      const count = packetsOn("eth0") - before;
      // One that goes round passes the link until its time to live is over: 64 times and more for each attempt.
      assert.ok(count < maxPackets, `${count} packets on the link to outside`);
      await check({ from: "pod-a", to: a.clusterIp2, want: ["pod-far"] }, rig.lab, rig.limits);
    },
  },
  {
    name: "P270 a process of the node whose own address is the Service's reaches it",
    async run(rig) {
      await apply(empty, rig);
      await apply({ services: [svc()], slices: [eps("pod-b", "pod-far")], probes: [] }, rig);
      const heard = await outcomeOf(rig, "node", { host: a.clusterIp, port: 80, local: a.clusterIp });
      // Only where the node has the Service's address may a process take it.
      const may = ["ipvs", "userspace"].includes(rig.plane.mode) ? /^pod-(b|far)$/ : /^EADDRNOTAVAIL$/;
      assert.match(heard, may);
    },
  },
];

const maxPackets = 300;
