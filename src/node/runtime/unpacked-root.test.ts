/** Roots of images: by an overlay where the kernel allows it, else as a copy; to the container both are the same. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { createLog } from "../../lib/log.ts";
import { processPort, terminalPort } from "../sandbox/linux.ts";
import { inNamespaces } from "../testing/in-namespaces.ts";
import type { Overlay } from "./container-runtime.ts";
import { probeOverlay } from "./overlay.ts";
import { createProcessEngine } from "./process-engine.ts";
import { resolveInRoot } from "./resolve-in-root.ts";
import { ShimRuntime } from "./shim-runtime.ts";

const links = new Map([
  ["/root/a", "b/c"],
  ["/root/b", "/d"],
  ["/root/d/c/up", "../../../../x"],
  ["/root/loop", "loop"],
]);
const cases: readonly [string, string | undefined][] = [
  ["/plain/path", "/plain/path"],
  ["../../etc", "/etc"],
  ["/a", "/d/c"],
  ["/a/file", "/d/c/file"],
  ["/a/up/y", "/x/y"],
  ["/loop/x", undefined],
];
for (const [path, want] of cases) {
  test(`resolveInRoot("${path}")`, () => {
    assert.equal(resolveInRoot("/root", path, { readLink: (link) => links.get(link) }), want);
  });
}

test("resolveInRoot() leaves the last name alone when told so", () => {
  assert.equal(resolveInRoot("/root", "/a", { readLink: (link) => links.get(link), keepLast: true }), "/a");
});

const busybox = "/bin/busybox";
if (existsSync(busybox) && inNamespaces(import.meta.url)) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-root-"));
  const image = join(directory, "image");
  mkdirSync(join(image, "bin"), { recursive: true });
  copyFileSync(busybox, join(image, "bin/busybox"));
  for (const name of ["sh", "cat", "rm"]) symlinkSync("busybox", join(image, "bin", name));
  const runtime = new ShimRuntime({
    directory,
    engines: [createProcessEngine(undefined)],
    port: { ...processPort, ...terminalPort },
    log: createLog(),
  });
  after(() => {
    runtime.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = async (overlay: Overlay | undefined, attempt: number) => {
    const scratch = join(directory, `scratch-${attempt}`);
    const id = randomBytes(32).toString("hex");
    const ended = new Promise<number>((resolve) => {
      runtime.onChange((one) => one.id === id && one.state.kind === "exited" && resolve(one.state.exitCode));
    });
    await runtime.start({
      ...{ id, podUid: "uid", name: "main", attempt, image: "i", imageId: "i", hostname: "pod", mounts: [], scratch },
      argv: ["sh", "-c", "echo new >/bin/new && rm /bin/cat && [ ! -e /bin/cat ] && [ -c /dev/null ] && exit 3"],
      env: { PATH: "/bin" },
      workingDir: "/made/for/it",
      root: { kind: "unpacked", directory: image, ...(overlay && { overlay }) },
      logFile: join(directory, `${attempt}.log`),
    });
    const exitCode = await ended;
    const kept = readdirSync(scratch).sort();
    await runtime.remove(id);
    return { exitCode, kept, left: existsSync(scratch) };
  };

  test("what a container writes stays in its own folder, which is removed with it", async (context) => {
    assert.deepEqual(await run(undefined, 0), { exitCode: 3, kept: ["root"], left: false });
    const overlay = await probeOverlay(directory);
    if (overlay) assert.deepEqual(await run(overlay, 1), { exitCode: 3, kept: ["upper", "work"], left: false });
    else context.diagnostic("overlays cannot be mounted here");
    assert.deepEqual(readdirSync(join(image, "bin")).sort(), ["busybox", "cat", "rm", "sh"]);
  });

  test("probeOverlay() keeps away from paths that the mount's options cannot hold", async () => {
    const odd = join(directory, "a,b:c");
    mkdirSync(odd);
    assert.equal(await probeOverlay(odd), undefined);
    assert.deepEqual(readdirSync(odd), []);
  });
}
