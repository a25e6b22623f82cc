import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { quote } from "./setup-script.ts";

const words = [
  "",
  "plain",
  "two words",
  "it's",
  "''",
  '"$HOME" `id` \\',
  "new\nline",
  "*",
  "~",
  "-n",
  "ä€",
  "a=b",
  "#x",
  "!1",
];

test("quote() gives the shell exactly the same words", () => {
  const script = `for word in ${words.map(quote).join(" ")}; do printf '%s\\0' "$word"; done`;
  assert.deepEqual(execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1), words);
});
