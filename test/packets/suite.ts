/** Runs the table and the scenarios against a data plane, in the network namespace that `enterNode` made. */
import { after, before, describe, test } from "node:test";
import type { DataPlane } from "../../src/proxy/backends/port.ts";
import { limits, type PlaneName, reasonToSkip } from "./deviations.ts";
import { createLab, type Lab } from "./lab.ts";
import type { Rig } from "./rig.ts";
import { type Runnable, runnables } from "./run-case.ts";
import { affinityScenarios } from "./scenarios/affinity.ts";
import { balanceScenarios } from "./scenarios/balance.ts";
import { flowScenarios } from "./scenarios/flows.ts";
import { neighbourScenarios } from "./scenarios/neighbours.ts";
import { restartScenarios } from "./scenarios/restart.ts";
import { surroundingScenarios } from "./scenarios/surroundings.ts";

export interface SuiteOptions {
  /** Only the tests with such names. */
  readonly only?: RegExp;
}

/** The table, then the scenarios: the table relies on what it itself left in the data plane. */
export function packetTests(open: () => DataPlane, isSkipped?: (title: string) => boolean): readonly Runnable[] {
  return [
    ...runnables(isSkipped),
    ...flowScenarios,
    ...affinityScenarios,
    ...surroundingScenarios,
    ...restartScenarios(open),
    ...balanceScenarios,
    ...neighbourScenarios,
  ];
}

export function packetSuite(name: PlaneName, open: () => DataPlane, { only }: SuiteOptions = {}): void {
  const skip = (title: string): string | undefined => reasonToSkip(name, title);
  describe(`packets through ${name}`, { concurrency: 1 }, () => {
    let lab: Lab;
    let plane: DataPlane;
    const rig = (): Rig => ({ lab, plane, limits: limits[name] ?? {} });
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
    for (const { name: title, run } of packetTests(open, (title) => skip(title) !== undefined)) {
      if (only && !only.test(title)) continue;
      // IPVS has tests of its own for this (src/proxy/backends/ipvs/conformance.ts); its virtual machine has no time for more.
      if (name === "ipvs" && neighbourScenarios.some((scenario) => scenario.name === title)) continue;
      void test(title, { skip: skip(title) ?? false }, () => run(rig()));
    }
  });
}
