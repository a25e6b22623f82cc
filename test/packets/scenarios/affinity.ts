/** How long a client is remembered: P97, P103. */
import assert from "node:assert/strict";
import { sticky } from "../cases/case.ts";
import { answerMs } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, type Scenario } from "./tools.ts";

const timeoutSeconds = 2;

export const affinityScenarios: readonly Scenario[] = [
  { name: "P103 an affinity ends with its time, and not before", run: affinityEnds },
];

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
