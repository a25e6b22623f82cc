/** How long a client is remembered, and by all of a Service's addresses: P97, P98, P103. */
import assert from "node:assert/strict";
import { addresses } from "../addresses.ts";
import { buildersFor, sticky } from "../cases/case.ts";
import { answerMs, outcome } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, opened, type Scenario } from "./tools.ts";

const timeoutSeconds = 2;

export const affinityScenarios: readonly Scenario[] = [
  { name: "P103 an affinity ends with its time, and not before", run: affinityEnds },
  {
    name: "P98 a client that uses one port for two addresses of a Service at once stays with its endpoint",
    run: onePort,
  },
  {
    name: "P98 P79 a client of few ports has all its connections, to two addresses at once, to one endpoint",
    run: fewPorts,
  },
];

/** Each time anew, as chance may give two memories the same endpoint. */
async function onePort(rig: Rig): Promise<void> {
  for (const [n, family] of (["IPv4", "IPv6", "IPv4", "IPv6"] as const).entries()) {
    const at = addresses[family];
    const { balanced, eps } = buildersFor(at, family);
    const ports = (["TCP", "UDP"] as const).map((protocol) => ({ name: protocol.toLowerCase(), port: 80, protocol }));
    const slice = eps("pod-b", "pod-far");
    const named = { ...slice, ports: ports.map(({ name, protocol }) => ({ name, protocol, port: 8080 })) };
    await apply(empty, rig);
    await apply({ services: [balanced({ ...sticky(), ports })], slices: [named], probes: [] }, rig);
    for (const { protocol } of ports) {
      for (const [which, local] of [at.outside, at.outside2].entries()) {
        const target = { protocol, port: 80, local, localPort: 12_000 + 10 * n + which };
        const first = await opened(rig, "outside", "first", { ...target, host: at.external });
        const name = outcome(await first.ask(answerMs));
        const second = await opened(rig, "outside", "second", { ...target, host: at.balancer });
        await second.answers(name, `${protocol} from ${local}`);
        await first.answers(name, `${protocol} from ${local}, after the second`);
      }
    }
  }
}

/** A port comes back soon, to the same address and to the other, and both begin with one at the same time. */
async function fewPorts(rig: Rig): Promise<void> {
  const setPorts = (range: string) =>
    rig.lab.order("outside", { do: "sysctl", values: { "net/ipv4/ip_local_port_range": range } });
  await apply(empty, rig);
  await apply({ services: [b.balanced(sticky())], slices: [b.eps("pod-b", "pod-far")], probes: [] }, rig);
  await setPorts("40000 40003");
  try {
    const heard = await Promise.all(
      [a.external, a.balancer].map((host) =>
        rig.lab.order("outside", {
          do: "ask",
          protocol: "TCP",
          host,
          port: 80,
          times: 300,
          abreast: 1,
          timeoutMs: answerMs,
        }),
      ),
    );
    const names = heard.flatMap(({ answers = [] }) => answers.map(outcome));
    assert.equal(new Set(names).size, 1, names.join(", "));
    assert.match(names[0] ?? "", /^pod-/);
  } finally {
    await setPorts("32768 60999");
  }
}

/** Five clients that all know pod-b; each chooses again once it is forgotten, so one of them goes elsewhere soon. */
async function affinityEnds(rig: Rig): Promise<void> {
  const { svc, eps } = b;
  const web = svc(sticky(timeoutSeconds));
  const ask = async (): Promise<ReadonlySet<string>> => {
    const clients = [
      ...(["pod-a", "pod-b", "node", "outside"] as const).map((host) => ({ host, local: {} })),
      { host: "outside" as const, local: { local: a.outside2 } },
    ];
    const all = await Promise.all(
      clients.map(({ host, local }) =>
        rig.lab.order(host, {
          do: "ask",
          protocol: "TCP",
          host: a.clusterIp,
          port: 80,
          times: 1,
          abreast: 1,
          timeoutMs: answerMs,
          ...local,
        }),
      ),
    );
    return new Set(all.flatMap(({ answers = [] }) => answers.map(({ name, failure }) => name ?? failure ?? "")));
  };
  await apply(empty, rig);
  await apply({ services: [web], slices: [eps("pod-b")], probes: [] }, rig);
  assert.deepEqual(await ask(), new Set(["pod-b"]));
  await apply({ services: [web], slices: [eps("pod-b", "pod-far")], probes: [] }, rig);
  for (let n = 0; n < 3; n++) assert.deepEqual(await ask(), new Set(["pod-b"]));
  for (let n = 0; n < 4; n++) {
    await new Promise((resolve) => setTimeout(resolve, timeoutSeconds * 1000 + 300));
    if ((await ask()).has("pod-far")) return;
  }
  assert.fail("after four times the affinity's time no client has chosen again");
}
