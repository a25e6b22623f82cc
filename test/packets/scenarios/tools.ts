/** What the scenarios share: IPv4 objects of one Service, connections that stay, and the clean-up after a sync. */
import assert from "node:assert/strict";
import { openConntrack } from "../../../src/kernel/conntrack/conntrack.ts";
import { deleteStaleFlows, flowChecks } from "../../../src/proxy/stale-flows.ts";
import type { ServicePort } from "../../../src/proxy/state.ts";
import { addresses, type HostName } from "../addresses.ts";
import { buildersFor } from "../cases/case.ts";
import type { Answer, Target } from "../order.ts";
import { answerMs, outcome, silenceMs } from "../probe.ts";
import type { Rig } from "../rig.ts";
import type { Runnable } from "../run-case.ts";

export const a = addresses.IPv4;
export const b = buildersFor(a, "IPv4");

/** Its name begins with the statement's number. */
export type Scenario = Runnable;

type State = ReadonlyMap<string, readonly ServicePort[]>;

/** As the proxy does it after a sync. Returns how many flows were stale. */
export function clean(after: State, before: State = new Map()): number {
  const conntrack = openConntrack();
  try {
    const keys = new Set([...before.keys(), ...after.keys()]);
    const checks = [...keys].flatMap((key) => flowChecks(before.get(key) ?? [], after.get(key) ?? []));
    return Object.values(deleteStaleFlows(conntrack, checks)).reduce((sum, count) => sum + count, 0);
  } finally {
    conntrack.close();
  }
}

/** A connection, or a UDP flow, that stays open. */
export async function opened({ lab }: Rig, from: HostName, key: string, target: Target) {
  const { failure } = await lab.order(from, { do: "hold", key, ...target });
  assert.equal(failure, undefined, `${key}: opening`);
  const ask = (timeoutMs: number, bytes?: number): Promise<Answer> =>
    lab.order(from, { do: "held", key, timeoutMs, ...(bytes ? { bytes } : {}) });
  return {
    /** Asserts who answers on it now. */
    answers: async (name: string, why = ""): Promise<void> =>
      assert.equal(outcome(await ask(answerMs)), name, `${key}: ${why}`),
    isSilent: async (why = ""): Promise<void> =>
      assert.equal(outcome(await ask(silenceMs)), "silence", `${key}: ${why}`),
    ask,
  };
}
