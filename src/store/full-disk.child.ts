/** Fills the small file system that argv[2] is on, frees it, and prints what happened as JSON. Run by failing-disk.test.ts. */
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "../lib/log.ts";
import { open } from "./open-store.ts";
import { StoreUnavailableError } from "./store.ts";

const dir = process.argv[2] ?? "";
await writeFile(join(dir, "filler"), Buffer.alloc(1_500_000));
const path = join(dir, "store");
const options = { log: createLog(() => {}), minLogBytes: 1e9 };
const store = await open(path, options);
const events: string[] = [];
store.watch("", store.revision, (batch) => events.push(...batch.map((event) => event.entry.key)));
const big = (): Buffer => Buffer.alloc(100_000, "x");
const accepted: string[] = [];
const refused: string[] = [];

async function tryCreate(key: string): Promise<void> {
  try {
    await store.create(key, big);
    accepted.push(key);
  } catch (error) {
    if (error instanceof StoreUnavailableError) refused.push(error.message);
    else throw error;
  }
}

for (let i = 0; i < 20; i++) await Promise.all([tryCreate(`a${i}`), tryCreate(`b${i}`)]);
const full = { accepted: accepted.length, refused: refused.length, revision: store.revision };
const visible = (await store.list("")).entries.map((entry) => entry.key);
// What a crash now would leave behind, on a file system with room.
const copy = process.argv[3] ?? "";
await cp(path, copy, { recursive: true, filter: (source) => !source.endsWith("lock") });
const crashed = await open(copy, { log: createLog((line) => events.push(line)) });
const afterCrash = (await crashed.list("")).entries.map((entry) => entry.key);
await crashed.close();
await rm(join(dir, "filler"));
await tryCreate("after");
await store.close();
const again = await open(path, options);
const found = (await again.list("")).entries.map((entry) => entry.key);
const { revision } = again;
await again.close();
console.log(
  JSON.stringify({
    full,
    visible,
    afterCrash,
    accepted: accepted.sort(),
    found,
    events,
    message: refused[0],
    revision,
  }),
);
