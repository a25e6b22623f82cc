/** Durable creates a second: the embedded store beside node:sqlite (WAL, synchronous=FULL, one transaction a group). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createLog } from "../src/lib/log.ts";
import { open } from "../src/store/open-store.ts";

const valueBytes = 2000;
const runMs = 1500;
const rounds = 3;
const writerCounts = [1, 16, 256];

interface Target {
  create(key: string, value: Buffer): Promise<unknown>;
  close(): Promise<void>;
}

async function openEmbedded(dir: string): Promise<Target> {
  const store = await open(dir, { log: createLog(undefined, { level: "error" }) });
  return { create: (key, value) => store.create(key, () => value), close: () => store.close() };
}

/** What gathers until the next turn is one transaction; as fair to SQLite as one thread can be. */
async function openSqlite(dir: string): Promise<Target> {
  const db = new DatabaseSync(join(dir, "store.db"));
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
  db.exec("CREATE TABLE entry (revision INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL) STRICT");
  const insert = db.prepare("INSERT INTO entry (key, value) VALUES (?, ?)");
  let group: { key: string; value: Buffer; resolve: () => void }[] = [];
  const commit = (): void => {
    const writes = group;
    group = [];
    db.exec("BEGIN IMMEDIATE");
    for (const { key, value } of writes) insert.run(key, value);
    db.exec("COMMIT");
    for (const { resolve } of writes) resolve();
  };
  return {
    create: (key, value) =>
      new Promise<void>((resolve) => {
        if (group.push({ key, value, resolve }) === 1) setImmediate(commit);
      }),
    close: async () => db.close(),
  };
}

/** Creates a second, and the longest time that the event loop did not turn. */
async function measure(openTarget: (dir: string) => Promise<Target>, writers: number): Promise<[number, number]> {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-bench-"));
  const target = await openTarget(dir);
  const value = Buffer.alloc(valueBytes, "x");
  let done = 0;
  let stallMs = 0;
  let last = performance.now();
  const turn = setInterval(() => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last - 1);
    last = now;
  }, 1);
  const start = performance.now();
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; performance.now() - start < runMs; i++) {
      await target.create(`/registry/pods/default/w${writer}-${i}`, Buffer.from(value));
      done++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
  const rate = (done * 1000) / (performance.now() - start);
  clearInterval(turn);
  await target.close();
  await rm(dir, { recursive: true });
  return [rate, stallMs];
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

console.log(`Durable creates of ${valueBytes} B, median of ${rounds} rounds of ${runMs} ms each, taken in turns\n`);
console.log("writers   embedded/s   sqlite/s   ratio   longest stall of the event loop, embedded / sqlite (ms)");
for (const writers of writerCounts) {
  const results: [number, number, number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await measure(openEmbedded, writers);
    const sqlite = await measure(openSqlite, writers);
    results.push([...own, ...sqlite]);
  }
  const column = (index: 0 | 1 | 2 | 3): number => median(results.map((result) => result[index]));
  const [own, sqlite] = [column(0), column(2)];
  const cells = [String(writers).padStart(7), own.toFixed(0).padStart(12), sqlite.toFixed(0).padStart(10)];
  const stalls = `${column(1).toFixed(1)} / ${column(3).toFixed(1)}`;
  console.log([...cells, (own / sqlite).toFixed(2).padStart(7), `   ${stalls}`].join(" "));
}
