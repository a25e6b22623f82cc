/** postStart and preStop. Source: core/v1 LifecycleHandler. */
import { setTimeout as delay } from "node:timers/promises";
import type { LifecycleHandler } from "kubernetes-types/core/v1";
import { makeProbe, type ProbeResult, type ProbeTarget } from "../probes/probe-action.ts";

/** The API has it since 1.29. */
type Handler = LifecycleHandler & { readonly sleep?: { readonly seconds: number } };

/** Ends when the hook has ended or `target.timeoutMs` are over. */
export async function runHook(handler: Handler, target: ProbeTarget): Promise<ProbeResult> {
  if (handler.sleep) {
    await delay(Math.min(handler.sleep.seconds * 1000, target.timeoutMs));
    return { ok: true };
  }
  return makeProbe(handler, target);
}
