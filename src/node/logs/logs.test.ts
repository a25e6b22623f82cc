import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { LogFile, readLog } from "./log-file.ts";
import { formatLogChunk, parseLogLine, splitLogLines } from "./log-line.ts";
import { LogRenderer, parseLogQuery } from "./log-query.ts";

const nowMs = Date.parse("2026-01-02T03:04:05.678Z");
const stamp = "2026-01-02T03:04:05.678000000Z";
const format = (text: string, atMs = nowMs) => formatLogChunk(Buffer.from(text), { stream: "stdout", nowMs: atMs });

const chunks: readonly [string, string][] = [
  ["a\n", `${stamp} stdout F a\n`],
  ["a\nb\n", `${stamp} stdout F a\n${stamp} stdout F b\n`],
  ["a", `${stamp} stdout P a\n`],
  ["a\nb", `${stamp} stdout F a\n${stamp} stdout P b\n`],
  ["\n", `${stamp} stdout F \n`],
  ["", ""],
];
for (const [text, want] of chunks) {
  test(`formatLogChunk(${JSON.stringify(text)})`, () => assert.equal(format(text).toString(), want));
}

test("what is formatted is parsed and rendered as it was written, however it was cut", () => {
  const text = "one\n\nzwei ä\nthree";
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parts = [bytes.subarray(0, cut), bytes.subarray(cut)].map((part) =>
      formatLogChunk(part, { stream: "stderr", nowMs }),
    );
    const file = Buffer.concat(parts);
    assert.ok(splitLogLines(file).every((line) => parseLogLine(line)?.stream === "stderr"));
    const renderer = new LogRenderer({ follow: false, previous: false, timestamps: false });
    assert.equal(renderer.render(file, { first: true }).toString(), text);
  }
});

const log = Buffer.concat([format("a\n", nowMs - 60_000), format("b"), format("c\n"), format("d\n")]);
const queries: readonly [string, string][] = [
  ["", "a\nbc\nd\n"],
  ["tailLines=1", "d\n"],
  ["tailLines=2", "bc\nd\n"],
  ["tailLines=0", ""],
  ["tailLines=9", "a\nbc\nd\n"],
  ["sinceSeconds=30", "bc\nd\n"],
  ["sinceTime=2026-01-02T03:04:00Z", "bc\nd\n"],
  ["timestamps=true&tailLines=2", `${stamp} bc\n${stamp} d\n`],
  ["limitBytes=3", "a\nb"],
];
for (const [query, want] of queries) {
  test(`a log asked for with "${query}"`, () => {
    const renderer = new LogRenderer(parseLogQuery(new URLSearchParams(query), nowMs));
    assert.equal(renderer.render(log, { first: true }).toString(), want);
  });
}

for (const query of [
  "tailLines=-1",
  "tailLines=x",
  "limitBytes=0",
  "sinceTime=x",
  "follow=maybe",
  "sinceSeconds=1&sinceTime=2026-01-02T03:04:00Z",
]) {
  test(`a log cannot be asked for with "${query}"`, () => {
    assert.throws(() => parseLogQuery(new URLSearchParams(query), nowMs), /^RangeError: Cannot use /);
  });
}

test("a log file is rotated, and the older part is still read", () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-log-"));
  const path = join(directory, "main", "0.log");
  const file = new LogFile(path, { rotateAtBytes: 200 });
  for (let line = 0; line < 8; line++) file.append(Buffer.from(`line ${line}\n`), "stdout");
  file.close();
  assert.ok(statSync(`${path}.1`).size >= 200);
  assert.equal(splitLogLines(readLog(path)).length, 8);
  rmSync(directory, { recursive: true });
});
