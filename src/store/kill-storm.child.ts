/** Writes to the store of argv[2] until it is killed; prints one line for each acknowledged write. Run by kill-storm.test.ts. */
import { writeSync } from "node:fs";
import { open } from "./open-store.ts";
import type { Entry } from "./store.ts";

const writers = 12;
const keysOfWriter = 5;
const [dir = "", round = ""] = process.argv.slice(2);
const store = await open(dir, { minLogBytes: 300_000 });
writeSync(1, `open ${store.revision}\n`);

/** Creates, updates and deletes in turn; a value is "<round>.<step>:<revision>" and some length. */
async function writeOnce(key: string, step: number): Promise<void> {
  const text = (revision: number): Buffer => Buffer.from(`${round}.${step}:${revision}`.padEnd((step * 37) % 5000));
  const current = await store.get(key);
  const deletes = current !== undefined && step % 7 === 0;
  if (deletes) writeSync(1, `deleting ${key}\n`);
  let entry: Entry;
  if (!current) entry = await store.create(key, text);
  else if (deletes) entry = await store.delete(key, current.revision, text);
  else entry = await store.update(key, current.revision, text);
  writeSync(1, `${deletes ? "delete" : "put"} ${key} ${entry.revision} ${round}.${step}\n`);
}

async function write(writer: number): Promise<void> {
  for (let step = 1; step < 100_000; step++) {
    await writeOnce(`/registry/pods/default/w${writer}-${step % keysOfWriter}`, step);
  }
}

await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
