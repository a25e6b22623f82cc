/** What holds for every data plane, on the kernel or a fake: it keeps exactly the state that it was given, by whatever way it came to it. */
import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { describe, it } from "node:test";
import { CLONE_NEWNET, close, open, setns } from "../../kernel/ffi.ts";
import type { DataPlane, Report } from "../backends/port.ts";
import type { ServicePort } from "../state.ts";
import { type Random, randomService, seededRandom } from "./churn.ts";
import { settings } from "./fixtures.ts";

export interface Bench {
  /** A data plane as a new process has it, on what is there; one at a time. */
  readonly create: () => DataPlane;
  /** All that is there, read back; equal when it means the same. */
  readonly read: () => unknown;
  /** Takes everything away. */
  readonly close: () => void | Promise<void>;
}

export interface PropertyOptions {
  /** Random changes of a Service. */
  readonly steps?: number;
  /** So many of them in a sync. */
  readonly perSync?: number;
  readonly skip?: string | false | undefined;
}

/** The same, but what a data plane closes with itself stays open for the next one. */
export function unclosed<T extends { close(): void }>(shared: T): T {
  return new Proxy(shared, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === "close") return () => {};
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

type State = Map<string, readonly ServicePort[]>;

const serviceCount = 30;
const checkpoints = 4;
/** Of the syncs; then a new process takes over. */
const restartShare = 0.02;

/** `openBench` gives a node without rules. */
export function propertySuite(name: string, openBench: () => Bench, options: PropertyOptions = {}): void {
  const { steps = 10_000, perSync = 4, skip = false } = options;
  describe(`properties of ${name}`, { skip: skip || false, concurrency: 1 }, () => {
    it(`P249 ${steps} random changes and restarts: at any time exactly what a cold start makes`, () =>
      using(openBench, (bench) => churn(bench, openBench, { steps, perSync })));
    it("P249 any state turns into any other, and into itself by nothing", () =>
      using(openBench, (bench) => anyToAny(bench, openBench)));
    it("P203 P249 what is loaded before the first sync, with changes among it, is as if all came at once", () =>
      using(openBench, (bench) => loads(bench, openBench)));
    it("P249 the order of changes does not matter", () => using(openBench, (bench) => orders(bench, openBench)));
  });
}

async function using<T>(openBench: () => Bench, body: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = openBench();
  try {
    return await body(bench);
  } finally {
    await bench.close();
  }
}

const written = ({ families }: Report): number => {
  for (const { error } of families) assert.equal(error, undefined);
  return families.reduce((sum, { added, removed }) => sum + added + removed, 0);
};

async function start({ create }: Bench, services: State): Promise<DataPlane> {
  const plane = create();
  await plane.adopt();
  written(await plane.sync({ services, full: true, settings: settings() }));
  return plane;
}

const ownNamespace = "/proc/thread-self/ns/net";

/** What a data plane makes of the state where nothing was. `openBench` may enter a network namespace of its own. */
async function cold(openBench: () => Bench, state: State): Promise<unknown> {
  const [here, name] = [open(ownNamespace), readlinkSync(ownNamespace)];
  try {
    return await using(openBench, async (bench) => {
      const plane = await start(bench, state);
      const found = await bench.read();
      plane.close();
      return found;
    });
  } finally {
    if (readlinkSync(ownNamespace) !== name) setns(here, CLONE_NEWNET);
    close(here);
  }
}

function randomChange(random: Random): [string, readonly ServicePort[]] {
  const n = Math.floor(random() * serviceCount);
  return [`default/s${n}`, random() < 0.2 ? [] : randomService(n, random)];
}

function randomState(random: Random): State {
  const count = Math.floor(random() * serviceCount);
  return new Map(Array.from({ length: count }, (_, n) => [`default/s${n}`, randomService(n, random)]));
}

async function churn(
  bench: Bench,
  openBench: () => Bench,
  { steps, perSync }: { steps: number; perSync: number },
): Promise<void> {
  const random = seededRandom(1);
  const state: State = new Map();
  let plane = await start(bench, state);
  const checkEvery = Math.ceil(steps / checkpoints);
  let nextCheck = checkEvery;
  for (let step = 0; step < steps; ) {
    const count = Math.min(steps - step, 1 + Math.floor(random() * (2 * perSync - 1)));
    const changed: State = new Map(Array.from({ length: count }, () => randomChange(random)));
    for (const [key, ports] of changed) state.set(key, ports);
    written(await plane.sync({ services: changed, full: false }));
    step += count;
    if (random() < restartShare) {
      plane.close();
      plane = await start(bench, state);
    }
    if (step < nextCheck) continue;
    nextCheck += checkEvery;
    await plane.verify();
    assert.deepEqual(await bench.read(), await cold(openBench, state), `after ${step} changes`);
  }
  plane.close();
}

async function anyToAny(bench: Bench, openBench: () => Bench): Promise<void> {
  const random = seededRandom(2);
  const plane = await start(bench, new Map());
  for (let n = 0; n < 8; n++) {
    const state = n === 4 ? new Map() : randomState(random);
    written(await plane.sync({ services: state, full: true }));
    assert.equal(written(await plane.sync({ services: state, full: true })), 0, "the same again");
    await plane.verify();
    assert.deepEqual(await bench.read(), await cold(openBench, state));
  }
  plane.close();
}

async function orders(bench: Bench, openBench: () => Bench): Promise<void> {
  const random = seededRandom(3);
  const [first, second] = [randomState(random), randomState(random)];
  const changes = [...first, ...second];
  const wanted = new Map(changes);
  // The last change of each Service stays the last: only their order among each other differs.
  const shuffled = [...first, ...shuffle([...second], random)];
  const finals: unknown[] = [];
  for (const order of [changes, shuffled, shuffle([...wanted], random)]) {
    const plane = await start(bench, new Map());
    for (const [key, ports] of order) written(await plane.sync({ services: new Map([[key, ports]]), full: false }));
    await plane.verify();
    finals.push(await bench.read());
    plane.close();
  }
  const expected = await cold(openBench, wanted);
  for (const found of finals) assert.deepEqual(found, expected);
}

async function loads(bench: Bench, openBench: () => Bench): Promise<void> {
  const random = seededRandom(4);
  const state: State = new Map();
  const plane = bench.create();
  await plane.adopt();
  // Most data planes have nothing to do before all is known.
  if (!plane.load) return plane.close();
  const next = (): State => {
    const change = new Map([randomChange(random)]);
    for (const [key, ports] of change) state.set(key, ports);
    return change;
  };
  for (let round = 0; round < 60; round++) {
    plane.load({ services: next(), settings: settings() });
    if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  written(await plane.sync({ services: next(), full: false, settings: settings() }));
  await plane.verify();
  assert.deepEqual(await bench.read(), await cold(openBench, state));
  plane.close();
}

function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
