/** A short run of `npm run storm`: see run.ts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "..");
const kills = 40;

test(`${kills} kills of the API server, some with a full disk: nothing acknowledged is lost`, (t) => {
  const words = [join(root, "scripts", "isolated.ts"), "test/storm/run.ts", "--kills", String(kills)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, { cwd: root, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      t.diagnostic(stdout.trim());
      if (error) reject(new assert.AssertionError({ message: stderr.slice(0, 5000) || error.message }));
      else resolve();
    });
  });
});
