/** After the first sync: takes away what another mode left on the node. */
import { systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";
import { findLeftovers, type Leftover } from "./backends/leftovers.ts";

/** How often connections are looked for that still need the old plane. */
const retryMs = 10_000;

/** Never throws: Services are served by the new plane whatever becomes of the old one. */
export async function retireOtherModes(active: string, log: Log, signal: AbortSignal): Promise<void> {
  let leftovers: readonly Leftover[] = [];
  try {
    leftovers = await findLeftovers(active, log);
  } catch (error) {
    log.warn("cannot look for rules of another mode", { error });
  }
  await Promise.all(leftovers.map((leftover) => retire(leftover, log, signal)));
}

async function retire({ mode, retire: attempt }: Leftover, log: Log, signal: AbortSignal): Promise<void> {
  log.info("another mode was here: its rules go", { mode });
  while (!signal.aborted) {
    try {
      if (await attempt()) {
        log.info("rules of another mode are gone", { mode });
        return;
      }
    } catch (error) {
      log.warn("cannot take away rules of another mode; it is tried again", { mode, error });
    }
    await sleep(retryMs, { clock: systemClock, signal });
  }
}
