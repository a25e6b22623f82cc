/** What `fairlead proxy` does with a data plane. */
import type { ApiClient } from "../client/client.ts";
import type { Log } from "../lib/log.ts";
import { type Chosen, chooseDataPlane } from "../proxy/backends/choose.ts";
import { effectiveConfig, ipvsOptionsOf, modes } from "../proxy/config/effective.ts";
import { plainDocument } from "../proxy/config/plain.ts";
import type { Values } from "../proxy/config/values.ts";
import type { Informers } from "../proxy/informers.ts";
import { applyKernelSettings } from "../proxy/kernel-settings.ts";
import { startProxy } from "../proxy/proxy.ts";
import { retireOtherModes } from "../proxy/retire.ts";
import { CliError } from "./errors.ts";
import { aborted } from "./part.ts";
import { settle } from "./program.ts";

async function choose(mode: string, values: Values, log: Log): Promise<Chosen> {
  try {
    return await chooseDataPlane(mode, log, ipvsOptionsOf(effectiveConfig(values, mode)));
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(`${error.message}.`);
    throw error;
  }
}

/** A mode that cannot run here has left no rules either. */
export async function cleanUp(mode: string, log: Log): Promise<void> {
  const names = mode !== "auto" ? [mode] : modes.filter((one) => one !== "auto");
  for (const name of names) {
    let chosen: Chosen;
    try {
      chosen = await chooseDataPlane(name, log);
    } catch (error) {
      if (names.length === 1) throw error;
      log.debug("mode has no rules here", { mode: name, error });
      continue;
    }
    await chosen.plane.adopt();
    await chosen.plane.remove();
    chosen.plane.close();
    log.info("rules are taken away", { mode: name });
  }
}

/** Sets the kernel settings only. */
export async function initialize(mode: string, values: Values, log: Log): Promise<void> {
  const { plane } = await choose(mode, values, log);
  const config = effectiveConfig(values, plane.mode);
  plane.prepare?.(config);
  applyKernelSettings(config, log);
  plane.close();
}

export interface Run {
  readonly client: ApiClient;
  readonly informers: Informers;
  readonly nodeName: string;
  readonly mode: string;
  readonly values: Values;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Resolves when the signal aborts. */
export async function forward({ mode, values, log, signal, ...given }: Run): Promise<void> {
  const { plane: dataPlane, reason: modeReason } = await choose(mode, values, log);
  const config = effectiveConfig(values, dataPlane.mode);
  log.info("proxy mode", { mode: dataPlane.mode, reason: modeReason });
  const configz = plainDocument(new Map(values).set("mode", dataPlane.mode));
  const proxy = startProxy({ ...given, dataPlane, modeReason, config, configz, log, signal });
  // Connection tracking is loaded by now.
  applyKernelSettings(config, log);
  await Promise.race([proxy.ready, proxy.failed]);
  settle();
  void retireOtherModes(dataPlane.mode, log, signal);
  await Promise.race([aborted(signal), proxy.failed]);
}
