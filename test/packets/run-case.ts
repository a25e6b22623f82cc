/** Runs the cases of both families together: one state, one wait for silence. */
import type { KubeObject } from "../../src/api/object.ts";
import type { IpFamily } from "../../src/net/ip.ts";
import type { PacketCase, Stage } from "./cases/case.ts";
import { packetCases } from "./cases/mod.ts";
import { forgetConnections } from "./forget-connections.ts";
import { checkAll } from "./probe.ts";
import { apply, empty, type Rig } from "./rig.ts";

/** A case of one family, to be run with that of the other; `run` throws what was wrong in this family. */
export interface Runnable {
  readonly name: string;
  readonly run: (rig: Rig) => Promise<void>;
}

export function runnables(isSkipped: (name: string) => boolean = () => false): readonly Runnable[] {
  const found = { IPv4: packetCases("IPv4"), IPv6: packetCases("IPv6") };
  const names = new Set([...found.IPv4, ...found.IPv6].map(({ name }) => name));
  return [...names].flatMap((name) => {
    const cases = (["IPv4", "IPv6"] as const).flatMap((family) =>
      found[family].filter((one) => one.name === name).map((one) => ({ family, one })),
    );
    const wanted = cases.filter(({ family }) => !isSkipped(`${name} (${family})`));
    const isAlone = cases.some(({ one }) => one.alone);
    const together = isAlone ? undefined : once((rig: Rig) => runCases(wanted, rig));
    return cases.map((mine) => ({
      name: `${name} (${mine.family})`,
      run: async (rig) => {
        const failures = await (together ?? ((rig: Rig) => runCases([mine], rig)))(rig);
        const failure = failures.get(mine.family) ?? failures.get("both");
        if (failure) throw failure;
      },
    }));
  });
}

function once<T>(body: (rig: Rig) => Promise<T>): (rig: Rig) => Promise<T> {
  let result: Promise<T> | undefined;
  return (rig) => {
    result ??= body(rig);
    return result;
  };
}

interface Case {
  readonly family: IpFamily;
  readonly one: PacketCase;
}
type Failures = ReadonlyMap<IpFamily | "both", Error>;

/** What the data plane holds, as text: a case that wants the same of it needs no change. */
let held = "";

async function runCases(cases: readonly Case[], rig: Rig): Promise<Failures> {
  const failures = new Map<IpFamily | "both", Error>();
  const current = new Map(cases.map(({ family }) => [family, empty]));
  const count = Math.max(0, ...cases.map(({ one }) => one.stages.length));
  for (let n = 0; n < count && failures.size === 0; n++) {
    for (const { family, one } of cases) current.set(family, { ...current.get(family), ...(one.stages[n] ?? empty) });
    try {
      await hold(merged([...current]), n === 0, rig);
    } catch (error) {
      failures.set("both", error as Error);
      break;
    }
    await Promise.all(
      cases.map(async ({ family, one }) => {
        const probes = one.stages[n]?.probes ?? [];
        await checkAll(probes, rig.lab, rig.limits).catch((error: Error) => failures.set(family, error));
      }),
    );
  }
  return failures;
}

/** A case begins with an empty plane and without connections, so that no client is remembered from the one before. */
async function hold(stage: Stage, isFirst: boolean, rig: Rig): Promise<void> {
  if (isFirst) forgetConnections();
  const { probes: _probes, ...state } = stage;
  const text = JSON.stringify(state);
  if (isFirst && text === held && !text.includes('"ClientIP"')) return;
  held = "";
  if (isFirst) await apply(empty, rig);
  await apply(stage, rig);
  held = text;
}

/** IPv6 has a namespace of its own, so that Services of one name are two. */
function merged(stages: readonly (readonly [IpFamily, Stage])[]): Stage {
  const all = stages.map(([family, stage]) => ({
    ...stage,
    services: (stage.services ?? []).map((object) => inNamespaceOf(family, object)),
    slices: (stage.slices ?? []).map((object) => inNamespaceOf(family, object)),
  }));
  const nodePortCidrs = all.flatMap(({ settings }) => settings?.nodePortCidrs ?? []);
  const settings = { ...all[0]?.settings, ...(nodePortCidrs.length > 0 ? { nodePortCidrs } : {}) };
  return {
    services: all.flatMap(({ services }) => services),
    slices: all.flatMap(({ slices }) => slices),
    settings,
    ...(all[0]?.node ? { node: all[0].node } : {}),
    probes: [],
  };
}

function inNamespaceOf<T extends KubeObject>(family: IpFamily, object: T): T {
  return family === "IPv4" ? object : { ...object, metadata: { ...object.metadata, namespace: "six" } };
}
