import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { replaceFiles } from "./atomic-files.ts";

const file = (path: string, text: string, mode = 0o644) => ({ path, content: Buffer.from(text), mode });

test("replaceFiles(): names are links into one folder, which is another after each change", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-volume-"));
  t.after(() => rmSync(directory, { recursive: true }));
  await replaceFiles(directory, [file("a", "1", 0o600), file("deep/er/b", "2"), file("gone", "3")]);
  const first = readlinkSync(join(directory, "..data"));
  assert.match(first, /^\.\.\d{4}_/);
  assert.equal(readlinkSync(join(directory, "deep")), "..data/deep");
  assert.equal(readFileSync(join(directory, "deep/er/b"), "utf8"), "2");
  assert.equal(statSync(join(directory, "a")).mode & 0o777, 0o600);

  await replaceFiles(directory, [file("a", "changed"), file("new", "4")]);
  const visible = readdirSync(directory).filter((name) => !name.startsWith(".."));
  assert.deepEqual(visible.sort(), ["a", "new"]);
  assert.equal(readFileSync(join(directory, "a"), "utf8"), "changed");
  const second = readlinkSync(join(directory, "..data"));
  assert.notEqual(second, first);
  const hidden = readdirSync(directory).filter((name) => name.startsWith(".."));
  assert.deepEqual(hidden.sort(), ["..data", second].sort(), "nothing is left of the files before");
});
