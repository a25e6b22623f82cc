/** Flows and connections that outlive a change, and those that must not: P62, P83, P128, P152 to P160, P255, P263. */
import assert from "node:assert/strict";
import { podPort } from "../addresses.ts";
import { externalLocal, nodePort } from "../cases/case.ts";
import type { Target } from "../order.ts";
import { answerMs, check, outcome, silenceMs } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, clean, opened, type Scenario } from "./tools.ts";

const udp = { protocol: "UDP", host: a.clusterIp, port: 80 } as const;
const tcp = { protocol: "TCP", host: a.clusterIp, port: 80 } as const;
const { svc, eps, balanced, ports } = b;
const udpService = svc(ports("UDP"));

async function start(
  rig: Rig,
  ...[services, slices]: [services: ReturnType<typeof svc>[], slices?: ReturnType<typeof eps>[]]
) {
  const none = await apply(empty, rig);
  const state = await apply({ services, slices: slices ?? [], probes: [] }, rig);
  clean(state, none);
  return state;
}

/** Without a Service the packets go to the default route: a flow without DNAT begins. */
async function earlyFlow(rig: Rig) {
  const balancer = balanced(ports("UDP"));
  await start(rig, [balancer]);
  const none = await apply(empty, rig);
  const flow = await opened(rig, "pod-a", "flow", { ...udp, host: a.balancer });
  await flow.isSilent();
  return { flow, none, balancer };
}

/** Of the link to the far Pod, at its node's end. */
const setMtu = ({ lab }: Rig, mtu: number) =>
  lab.order("node-b", { do: "run", commands: [["ip", "link", "set", "pods", "mtu", String(mtu)]] });

/** At the Pod's own end: what it sends is no longer than what its node takes. */
const setMtuOfPod = ({ lab }: Rig, mtu: number) =>
  lab.order("pod-far", { do: "run", commands: [["ip", "link", "set", "eth0", "mtu", String(mtu)]] });

/** One connection from outside. */
async function askAgain({ lab }: Rig, target: Target, timeoutMs = answerMs): Promise<string> {
  const { answers = [] } = await lab.order("outside", { do: "ask", times: 1, abreast: 1, timeoutMs, ...target });
  return outcome(answers[0] ?? {});
}

const refused = (rig: Rig, probe: { protocol?: "UDP" | "TCP" } = {}) =>
  check({ from: "pod-a", to: a.clusterIp, want: "refused", ...probe }, rig.lab, rig.limits);

export const flowScenarios: readonly Scenario[] = [
  {
    name: "P62 all datagrams of a flow go to one endpoint",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b", "pod-far")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      const { name = "" } = await flow.ask(3_000);
      for (let n = 0; n < 20; n++) await flow.answers(name);
    },
  },
  {
    name: "P83 an established UDP flow outlives the change to zero endpoints, a new one is refused",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      await apply({ services: [udpService], probes: [] }, rig);
      await flow.answers("pod-b");
      await refused(rig, { protocol: "UDP" });
    },
  },
  {
    name: "P83 P158 a TCP connection outlives its endpoint's removal, a new one is refused",
    async run(rig) {
      await start(rig, [svc()], [eps("pod-b")]);
      const connection = await opened(rig, "pod-a", "connection", tcp);
      await connection.answers("pod-b");
      clean(await apply({ services: [svc()], probes: [] }, rig));
      await connection.answers("pod-b");
      await refused(rig);
    },
  },
  {
    name: "P83 a connection from outside outlives the change of policy to Local",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-far")]);
      const connection = await opened(rig, "outside", "connection", { ...tcp, host: a.balancer });
      await connection.answers("pod-far");
      await apply({ services: [balanced(externalLocal)], slices: [eps("pod-far")], probes: [] }, rig);
      await connection.answers("pod-far");
      await check({ from: "outside", to: a.balancer, want: "silence" }, rig.lab, rig.limits);
    },
  },
  {
    name: "P102 a connection outlives affinity that is switched on",
    async run(rig) {
      await start(rig, [svc()], [eps("pod-b")]);
      const connection = await opened(rig, "pod-a", "connection", tcp);
      await connection.answers("pod-b");
      await apply({ services: [svc({ sessionAffinity: "ClientIP" })], slices: [eps("pod-far")], probes: [] }, rig);
      await connection.answers("pod-b");
      await check({ from: "pod-a", to: a.clusterIp, want: ["pod-far"] }, rig.lab, rig.limits);
    },
  },
  {
    name: "P128 a connection outlives source ranges that shut its client out",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-b")]);
      const connection = await opened(rig, "outside", "connection", { ...tcp, host: a.balancer, local: a.outside });
      await connection.answers("pod-b");
      const ranged = balanced({ loadBalancerSourceRanges: [a.rangeOfOutside2] });
      await apply({ services: [ranged], slices: [eps("pod-b")], probes: [] }, rig);
      await connection.answers("pod-b");
      await check({ from: "outside", local: a.outside, to: a.balancer, want: "silence" }, rig.lab, rig.limits);
    },
  },
  {
    name: "P154 a UDP client that began before there was an endpoint reaches the first one",
    async run(rig) {
      const { flow, none, balancer } = await earlyFlow(rig);
      clean(await apply({ services: [balancer], slices: [eps("pod-b")], probes: [] }, rig), none);
      await flow.answers("pod-b");
      // And from an endpoint that is gone to the next one.
      clean(await apply({ services: [balancer], slices: [eps("pod-far")], probes: [] }, rig));
      await flow.answers("pod-far");
    },
  },
  {
    name: "P153 of all flows the stale one is deleted, by which its client is no longer in the dark",
    async run(rig) {
      const { flow, none, balancer } = await earlyFlow(rig);
      const state = await apply({ services: [balancer], slices: [eps("pod-b")], probes: [] }, rig);
      await flow.isSilent("it stays in the dark until it is deleted");
      assert.equal(clean(state, none), 1);
      await flow.answers("pod-b");
      assert.equal(clean(await apply({ services: [balancer], slices: [eps("pod-far")], probes: [] }, rig)), 1);
      await flow.answers("pod-far");
    },
  },
  {
    name: "P154 a UDP client whose endpoint is gone reaches the next one",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      clean(await apply({ services: [udpService], slices: [eps("pod-far")], probes: [] }, rig));
      await flow.answers("pod-far");
    },
  },
  {
    name: "P155 a UDP flow to an endpoint that still serves is left alone",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      const state = await apply({ services: [udpService], slices: [eps("pod-b", "pod-far")], probes: [] }, rig);
      assert.equal(clean(state), 0);
      for (let n = 0; n < 5; n++) await flow.answers("pod-b");
    },
  },
  {
    name: "P155 a UDP flow to an endpoint that serves while it terminates is left alone",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      const leaving = b.at("pod-b", { ready: false, serving: true, terminating: true });
      clean(await apply({ services: [udpService], slices: [eps(leaving, "pod-far")], probes: [] }, rig));
      await flow.answers("pod-b");
      await check(
        { from: "pod-a", to: a.clusterIp, protocol: "UDP", want: ["pod-far"], times: 8 },
        rig.lab,
        rig.limits,
      );
    },
  },
  {
    name: "P156 scaled to zero and up again: a UDP client that never stops sending reaches the new endpoint",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      clean(await apply({ services: [udpService], probes: [] }, rig));
      await flow.ask(200);
      clean(await apply({ services: [udpService], slices: [eps("pod-far")], probes: [] }, rig));
      await flow.answers("pod-far");
    },
  },
  {
    name: "P157 P255 a UDP flow to a deleted Service goes to the one that has its clusterIP now",
    async run(rig) {
      const before = await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "pod-a", "flow", udp);
      await flow.answers("pod-b");
      const next = svc({ name: "other", ...ports("UDP") });
      const after = await apply(
        { services: [next], slices: [b.sliceOf(["pod-far"], { of: "other" })], probes: [] },
        rig,
      );
      clean(after, before);
      await flow.answers("pod-far");
    },
  },
  {
    name: "P160 a UDP flow that only shares its port with a node port is never deleted",
    async run(rig) {
      await start(rig, [udpService], [eps("pod-b")]);
      const flow = await opened(rig, "outside", "flow", { ...udp, host: a["pod-far"], port: 8080 });
      await flow.answers("pod-far");
      const service = svc({ type: "NodePort", ports: [{ port: 80, protocol: "UDP", nodePort: 8080 }] });
      assert.equal(clean(await apply({ services: [service], slices: [eps("pod-b")], probes: [] }, rig)), 0);
      await flow.answers("pod-far");
    },
  },
  {
    name: "P78 a client's port that is used again at once, for another address and back, mixes up no connections",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-b")]);
      const client = { ...tcp, localPort: 11_000 };
      assert.equal(await askAgain(rig, { ...client, host: a.external }), "pod-b");
      const other = await opened(rig, "outside", "other", { ...client, host: a.balancer });
      await other.answers("pod-b");
      assert.equal(await askAgain(rig, { ...client, host: a.external }), "pod-b");
      await other.answers("pod-b");
    },
  },
  {
    name: "P78 a client that goes to an endpoint itself, by a port that it had at the Service, is answered by the endpoint",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-b")]);
      const client = { ...tcp, localPort: 11_001 };
      assert.equal(await askAgain(rig, { ...client, host: a.external }), "pod-b");
      assert.equal(await askAgain(rig, { ...client, host: a["pod-b"], port: podPort }), "pod-b");
    },
  },
  {
    name: "P125 P129 source ranges hold for clients that come again by the same port",
    async run(rig) {
      const clients = [
        { ...tcp, host: a.balancer, local: a.outside2, localPort: 11_002 },
        { ...tcp, host: a.balancer, local: a.outside, localPort: 11_003 },
      ];
      await start(rig, [balanced()], [eps("pod-b")]);
      for (const client of clients) assert.equal(await askAgain(rig, client), "pod-b");
      const ranged = balanced({ loadBalancerSourceRanges: [a.rangeOfOutside2] });
      await apply({ services: [ranged], slices: [eps("pod-b")], probes: [] }, rig);
      const heard = await Promise.all(clients.map((client) => askAgain(rig, client, 1_000)));
      assert.deepEqual(heard, ["pod-b", rig.limits.neverSilent ? "ECONNRESET" : "silence"]);
    },
  },
  {
    name: "P263 connections outlive a load balancer's change of address",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-b")]);
      const connection = await opened(rig, "outside", "connection", { ...tcp, host: a.balancer });
      await connection.answers("pod-b");
      await apply(
        { services: [balanced({ ingress: [{ ip: a.balancer2 }] })], slices: [eps("pod-b")], probes: [] },
        rig,
      );
      await connection.answers("pod-b");
      await check({ from: "outside", to: a.balancer, want: "silence" }, rig.lab, rig.limits);
    },
  },
  {
    name: "P248 no established connection is cut while other Services come and go",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-b")]);
      const connections = await Promise.all([
        opened(rig, "pod-a", "by clusterIP", tcp),
        opened(rig, "node", "of the node", tcp),
        opened(rig, "outside", "by node port", { ...tcp, host: a.node, port: nodePort }),
        opened(rig, "outside", "by load balancer", { ...tcp, host: a.balancer }),
      ]);
      for (let n = 0; n < 20; n++) {
        const others = Array.from({ length: n % 4 }, (_, i) => svc({ name: `s${i}`, clusterIP: `10.96.1.${n + i}` }));
        await apply(
          {
            services: [balanced(), ...others],
            slices: [eps("pod-b", ...(n % 2 ? (["pod-far"] as const) : []))],
            probes: [],
          },
          rig,
        );
        for (const connection of connections) await connection.answers("pod-b");
      }
    },
  },
  {
    name: "P164 P165 a Pod's packets that connection tracking calls invalid are dropped, and not where that is switched off",
    async run(rig) {
      const stray = async () =>
        outcome(
          await rig.lab.order("pod-b", {
            do: "stray",
            local: a["pod-b"],
            host: a.outside,
            port: 7,
            timeoutMs: silenceMs,
          }),
        );
      const stage = { services: [svc()], slices: [eps("pod-b")], probes: [] };
      await apply({ ...stage, settings: { dropsInvalid: false } }, rig);
      assert.equal(await stray(), "refused", "it arrives, and is answered");
      await apply({ ...stage, settings: { dropsInvalid: true } }, rig);
      assert.equal(await stray(), "silence");
    },
  },
  {
    name: "P268 a path with a smaller MTU behind the Service is found",
    async run(rig) {
      await start(rig, [balanced()], [eps("pod-far")]);
      await setMtu(rig, 1300);
      try {
        for (const [from, host] of [
          ["pod-a", a.clusterIp],
          ["outside", a.balancer],
        ] as const) {
          const connection = await opened(rig, from, `mtu ${from}`, { ...tcp, host });
          assert.equal((await connection.ask(10_000, 200_000)).name, "pod-far", from);
        }
      } finally {
        await setMtu(rig, 1500);
      }
    },
  },
  {
    name: "P268 a UDP client learns that its datagrams are too long behind the Service, and sends shorter fragments",
    async run(rig) {
      await start(rig, [balanced(ports("UDP"))], [eps("pod-far")]);
      await Promise.all([setMtu(rig, 1300), setMtuOfPod(rig, 1300)]);
      const question = { do: "ask", protocol: "UDP", port: 80, times: 1, abreast: 1, timeoutMs: 1_000 } as const;
      try {
        for (const [from, host] of [
          ["pod-a", a.clusterIp],
          ["outside", a.balancer],
        ] as const) {
          const heard: string[] = [];
          // The first ones are lost: they may not be cut on their way, and bring the news.
          for (let n = 0; n < 5 && !heard.includes("pod-far"); n++) {
            const { answers = [] } = await rig.lab.order(from, { ...question, host, bytes: 1400 });
            heard.push(...answers.map(outcome));
          }
          assert.equal(heard.at(-1), "pod-far", `${from}: ${heard.join(", ")}`);
        }
      } finally {
        await Promise.all([setMtu(rig, 1500), setMtuOfPod(rig, 1500)]);
      }
    },
  },
];
