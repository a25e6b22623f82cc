import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Clock } from "../../lib/clock.ts";
import { createLog } from "../../lib/log.ts";
import { hasStorageLimits, storageExcess } from "./storage-limits.ts";
import { watchStorage } from "./storage-watch.ts";

const container = (name: string, limit?: string) => ({
  name,
  ...(limit ? { resources: { limits: { "ephemeral-storage": limit } } } : {}),
});
const mib = 2 ** 20;
const volumes = [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }];
const cases: readonly [what: string, spec: PodSpec, used: Record<string, number>, want: RegExp | undefined][] = [
  ["within", { containers: [container("a", "5Mi")] }, { a: 5 * mib }, undefined],
  [
    "a container",
    { containers: [container("a", "5Mi"), container("b")] },
    { a: 6 * mib },
    /^Container a exceeded.*"5Mi"/,
  ],
  [
    "together",
    { containers: [container("a", "5Mi"), container("b", "1Mi")] },
    { a: 5 * mib, v: 2 * mib },
    /^Pod ephemeral/,
  ],
  ["a volume", { volumes, containers: [container("a")] }, { v: 2 * mib }, /^Usage of EmptyDir volume "v".*"1Mi"/],
];
for (const [what, spec, used, want] of cases) {
  test(`storageExcess(): ${what}`, () => {
    const { v = 0, ...containers } = used;
    assert.ok(hasStorageLimits(spec));
    const use = { containers: new Map(Object.entries(containers)), volumes: new Map([["v", v]]) };
    const excess = storageExcess(spec, use);
    if (want) assert.match(excess ?? "", want);
    else assert.equal(excess, undefined);
  });
}

test("hasStorageLimits(): volumes in memory are limited by their file system", () => {
  const inMemory = [{ name: "v", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }];
  assert.equal(hasStorageLimits({ containers: [container("a")], volumes: inMemory }), false);
});

test("watchStorage() counts logs and what a container wrote, and not its image", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-storage-"));
  const stop = new AbortController();
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after(_, run) {
      setImmediate(run);
      return () => undefined;
    },
  };
  const scratch = join(directory, "a", "0.scratch");
  mkdirSync(join(scratch, "upper", "tmp"), { recursive: true });
  mkdirSync(join(scratch, "root"));
  const log = createLog(() => undefined);
  try {
    writeFileSync(join(scratch, "root", "image"), Buffer.alloc(4 * mib, 1));
    writeFileSync(join(directory, "a", "0.log"), Buffer.alloc(mib, 1));
    const spec = { containers: [container("a", "2Mi")] };
    const excess = watchStorage({ spec, directory, clock, log, signal: stop.signal });
    setTimeout(() => writeFileSync(join(scratch, "upper", "tmp", "file"), Buffer.alloc(mib, 1)), 20);
    assert.match((await excess) ?? "", /^Pod ephemeral local storage/);
  } finally {
    stop.abort();
    rmSync(directory, { recursive: true });
  }
});
