/** How fast a proxy writes: everything from its start, then each of a stream of changes. */
import { setTimeout as sleep } from "node:timers/promises";
import { endpointSlices } from "../../src/api/resource.ts";
import type { Running } from "./contender.ts";
import type { Lab } from "./lab.ts";
import { endpointsEach, probe, sliceOf } from "./objects.ts";
import type { Prober } from "./prober.ts";
import { cpuSec, memoryMib } from "./process.ts";

const samples = 20;
const changesPerSec = 100;
/** From the first answers to the changes: a proxy writes its last maps and tidies up after its start, once. */
const restMs = 8_000;

export interface Cold {
  /** From the start of its process to answers of all the sampled Services. */
  readonly seconds: number | undefined;
  readonly cpuSec: number;
}

/** Looks at Services from all parts of the list, the first and the last among them. */
export async function measureCold(
  running: Running,
  { prober, size, limitMs }: { prober: Prober; size: number; limitMs: number },
): Promise<Cold> {
  const deadline = Number(running.startedNs / 1_000_000n) + limitMs;
  let last: bigint | undefined = running.startedNs;
  for (let sample = 0; sample < samples && last !== undefined; sample++) {
    const leftMs = Math.ceil(deadline - Number(process.hrtime.bigint()) / 1e6);
    last = await prober.when(Math.round((sample * (size - 1)) / (samples - 1)), "open", Math.max(1, leftMs));
  }
  const seconds = last === undefined ? undefined : Number(last - running.startedNs) / 1e9;
  return { seconds, cpuSec: cpuSec(running.pid) };
}

export interface Churn {
  /** From the event at a watcher to the kernel, in milliseconds. */
  readonly latencies: readonly number[];
  readonly late: number;
  readonly cpuSecPer1000: number;
  /** Mean time of one sync by the proxy's own metric. */
  readonly syncMs: number;
  readonly memory: { now: number; peak: number };
}

interface ChurnOptions {
  readonly prober: Prober;
  readonly size: number;
  readonly seconds: number;
  readonly limitMs: number;
}

/** 100 changes a second: every second one is of the probed Service, as soon as the one before it was seen. */
export async function measureChurn(running: Running, lab: Lab, options: ChurnOptions): Promise<Churn> {
  const { size, seconds } = options;
  await sleep(restMs);
  const watch = new ProbeWatch(lab);
  const before = { cpu: cpuSec(running.pid), ...(await running.syncs()) };
  const probes = new Probes(lab, watch, options);
  const writes: Promise<unknown>[] = [];
  const count = seconds * changesPerSec;
  const startMs = performance.now();
  for (let n = 0; n < count; n++) {
    await sleep(Math.max(0, startMs + (n * 1000) / changesPerSec - performance.now()));
    if (n % 2 === 0 && probes.tryNext()) continue;
    const service = (n * 7919) % size;
    writes.push(lab.client.update(endpointSlices, sliceOf(service, endpointsEach - ((n >> 1) % 2))));
  }
  await Promise.all(writes);
  await probes.end();
  watch.stop();
  const after = { cpu: cpuSec(running.pid), ...(await running.syncs()) };
  return {
    latencies: probes.latencies,
    late: probes.late,
    cpuSecPer1000: ((after.cpu - before.cpu) * 1000) / count,
    syncMs: (1000 * (after.seconds - before.seconds)) / (after.count - before.count),
    memory: memoryMib(running.pid),
  };
}

class Probes {
  readonly latencies: number[] = [];
  late = 0;
  readonly #lab: Lab;
  readonly #watch: ProbeWatch;
  readonly #options: ChurnOptions;
  #isOpen = true;
  #current: Promise<void> | undefined;

  constructor(lab: Lab, watch: ProbeWatch, options: ChurnOptions) {
    this.#lab = lab;
    this.#watch = watch;
    this.#options = options;
  }

  /** False while the one before is not seen. */
  tryNext(): boolean {
    if (this.#current) return false;
    this.#current = this.#measure().finally(() => {
      this.#current = undefined;
    });
    return true;
  }

  async end(): Promise<void> {
    await this.#current;
    if (!this.#isOpen) await this.#measure();
  }

  async #measure(): Promise<void> {
    const { prober, limitMs } = this.#options;
    this.#isOpen = !this.#isOpen;
    const seen = prober.when(probe, this.#isOpen ? "open" : "closed", limitMs);
    const event = this.#watch.next();
    await this.#lab.client.update(endpointSlices, sliceOf(probe, this.#isOpen ? 1 : 0));
    // Whichever this process came to know first.
    const eventNs = await Promise.race([event, Promise.resolve(process.hrtime.bigint())]);
    const seenNs = await seen;
    if (seenNs === undefined) this.late++;
    else this.latencies.push(Math.max(0, Number(seenNs - eventNs) / 1e6));
  }
}

/** Watches the probed Service's slice, as the proxy does: the moment of the event. */
class ProbeWatch {
  readonly #stop = new AbortController();
  #tell: (ns: bigint) => void = () => {};

  constructor({ client }: Lab) {
    const { name } = sliceOf(probe).metadata;
    const events = client.watch(endpointSlices, { fieldSelector: `metadata.name=${name}`, signal: this.#stop.signal });
    void (async () => {
      for await (const _ of events) this.#tell(process.hrtime.bigint());
    })();
  }

  next(): Promise<bigint> {
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  stop(): void {
    this.#stop.abort();
  }
}
