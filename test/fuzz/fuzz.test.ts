/** A short run of `npm run fuzz`: see run.ts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "..");
const requests = 20_000;

test(`${requests} random requests: no 5xx, no hang, no growth, and the store opens again`, (t) => {
  const words = [join(root, "scripts", "isolated.ts"), "test/fuzz/run.ts", "--requests", String(requests)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, { cwd: root, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      t.diagnostic(stdout.trim());
      if (error) reject(new assert.AssertionError({ message: stderr.slice(0, 5000) || error.message }));
      else resolve();
    });
  });
});
