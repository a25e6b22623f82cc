import assert from "node:assert/strict";
import test from "node:test";
import { createImageCatalog } from "./catalog.ts";
import { defaultPullPolicy, parseImageReference } from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;
const cases: readonly [string, string | undefined][] = [
  ["busybox", "busybox latest"],
  ["busybox:1.36", "busybox 1.36"],
  ["docker.io/library/busybox:1.36", "busybox 1.36"],
  ["index.docker.io/library/busybox", "busybox latest"],
  ["docker.io/fairlead/echo", "fairlead/echo latest"],
  ["registry.example:5000/team/app:v1", "registry.example:5000/team/app v1"],
  ["localhost:5000/app", "localhost:5000/app latest"],
  [`busybox@${digest}`, `busybox ${digest}`],
  [`busybox:1@${digest}`, `busybox ${digest}`],
  ["", undefined],
  ["BusyBox", undefined],
  ["a b", undefined],
  ["busybox:", undefined],
  ["busybox@sha256:1", undefined],
  ["/busybox", undefined],
];
for (const [text, want] of cases) {
  test(`parseImageReference("${text}")`, () => {
    const found = parseImageReference(text);
    assert.equal(found && `${found.repository} ${found.digest ?? found.tag}`, want);
  });
}

test("defaultPullPolicy() is Always for latest only", () => {
  assert.equal(defaultPullPolicy({ repository: "a", tag: "latest" }), "Always");
  assert.equal(defaultPullPolicy({ repository: "a", tag: "1" }), "IfNotPresent");
  assert.equal(defaultPullPolicy({ repository: "a", digest }), "IfNotPresent");
});

test("the catalog tells why there is no image", async () => {
  const catalog = createImageCatalog({
    builtIn: { find: async ({ repository }) => (repository === "half" ? { missing: "install it" } : undefined) },
    loaded: { find: async () => undefined },
    hasRegistry: () => false,
    pull: async () => ({ kind: "unknown-registry" }),
  });
  const reason = async (name: string, pullPolicy = "IfNotPresent") => {
    const result = await catalog.resolve(name, { pullPolicy, credentials: async () => [] });
    return result.ok ? "found" : `${result.reason} ${result.message}`;
  };
  assert.equal(await reason("half"), "ErrImagePull install it");
  assert.match(await reason("nginx:1"), /^ErrImagePull image "nginx:1" .*fairlead image load FILE/);
  assert.match(await reason("nginx:1", "Never"), /^ErrImageNeverPull /);
  assert.match(await reason("Nginx"), /^InvalidImageName /);
});
