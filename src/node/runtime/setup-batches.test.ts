import assert from "node:assert/strict";
import test from "node:test";
import { setupBatches } from "./setup-batches.ts";
import type { SetupStep } from "./setup-step.ts";

const mount = (source: string, target: string): SetupStep => ({
  kind: "mount",
  source,
  target,
  type: "none",
  options: "rbind",
});
const directory = (path: string): SetupStep => ({ kind: "directories", paths: [path] });

test("setupBatches(): what a mount does not hide is made before all mounts of the batch", () => {
  const steps: SetupStep[] = [
    mount("fairlead", "/r"),
    directory("/r/usr"),
    mount("/usr", "/r/usr"),
    { kind: "symlink", target: "usr/bin", path: "/r/bin" },
    { kind: "file", path: "/r/hosts" },
    mount("/hosts", "/r/hosts"),
    // Its name only begins as that of a mount.
    directory("/r/usr2"),
    mount("/usr2", "/r/usr2"),
    // In a mount: it must be there first.
    directory("/r/usr/new"),
    mount("/v", "/r/usr/new"),
    { kind: "read-only", path: "/r" },
  ];
  const seen = setupBatches(steps).map((batch) => {
    if ("single" in batch) return batch.single.kind;
    const { directories, files, links, mounts } = batch;
    return [...directories, ...files, ...links.map(({ path }) => path), "|", ...mounts.map(({ target }) => target)];
  });
  assert.deepEqual(seen, [
    ["|", "/r"],
    ["/r/usr", "/r/usr2", "/r/hosts", "/r/bin", "|", "/r/usr", "/r/hosts", "/r/usr2"],
    ["/r/usr/new", "|", "/r/usr/new"],
    "read-only",
  ]);
});
